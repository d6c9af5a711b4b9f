/** Shape and colour of each affordance, the same on the grid and in the legend. */

import { graphic } from "../shell/dom.js";
import { AFFORDANCE_SHAPES, N_AFFORDANCE_COLOURS } from "../shell/looks.js";

/**
 * The style sheet's colour for the affordance with this number.
 *
 * @param {number} number
 */
export const colourNameOf = (number) => `kind-${(number % N_AFFORDANCE_COLOURS) + 1}`;

/**
 * Corners of an affordance's mark around (x, y).
 *
 * @param {number} number
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @returns {[x: number, y: number][]}
 */
export function markPoints(number, x, y, radius) {
  const shape = AFFORDANCE_SHAPES[number % AFFORDANCE_SHAPES.length];
  return shape.map(([cornerX, cornerY]) => [x + cornerX * radius, y + cornerY * radius]);
}

/** @param {number} number */
export function markGraphic(number) {
  const points = markPoints(number, 8, 8, 6.5).map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`);
  return graphic(
    "svg",
    { viewBox: "0 0 16 16", class: `mark ${colourNameOf(number)}`, "aria-hidden": "true" },
    graphic("polygon", { points: points.join(" ") }),
  );
}
