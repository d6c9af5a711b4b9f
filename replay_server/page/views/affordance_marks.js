/** What tells affordances apart: a shape and a colour each, the same on the grid and in the legend. */

import { graphic } from "../shell/dom.js";

/** Corners of regular shapes: how many, turned by which share of a corner, and how far in every other one lies. */
const SHAPES = [
  { corners: 4, turn: 0.5, inner: 1 },
  { corners: 3, turn: 0, inner: 1 },
  { corners: 4, turn: 0, inner: 1 },
  { corners: 6, turn: 0, inner: 1 },
  { corners: 5, turn: 0, inner: 0.5 },
  { corners: 40, turn: 0, inner: 1 },
  { corners: 5, turn: 0, inner: 1 },
  { corners: 4, turn: 0, inner: 0.42 },
  { corners: 3, turn: 1, inner: 1 },
  { corners: 6, turn: 0, inner: 0.6 },
];

const N_COLOURS = 12;

/** Name of the style sheet's colour for the affordance with this position in the layout. */
export const colourNameOf = (number) => `kind-${(number % N_COLOURS) + 1}`;

/** Corner points of an affordance's mark around (x, y). */
export function markPoints(number, x, y, radius) {
  const { corners, turn, inner } = SHAPES[number % SHAPES.length];
  const nPoints = inner < 1 ? 2 * corners : corners;
  return Array.from({ length: nPoints }, (_, point) => {
    const angle = ((point + (inner < 1 ? 2 : 1) * turn) / nPoints) * 2 * Math.PI - Math.PI / 2;
    const reach = inner < 1 && point % 2 ? radius * inner : radius;
    return [x + Math.cos(angle) * reach, y + Math.sin(angle) * reach];
  });
}

/** The mark as a small graphic for the legend. */
export function markGraphic(number) {
  const points = markPoints(number, 8, 8, 6.5).map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`);
  return graphic(
    "svg",
    { viewBox: "0 0 16 16", class: `mark ${colourNameOf(number)}`, "aria-hidden": "true" },
    graphic("polygon", { points: points.join(" ") }),
  );
}
