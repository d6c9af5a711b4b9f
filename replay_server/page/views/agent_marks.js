/** Draws several agents on the board: discs with signs, names, and trails. */

import { eased } from "./space.js";

/** @import { Figure } from "../player/figures.js" */
/** @import { Colours } from "../shell/theme.js" */
/** @import { Fitted, Space } from "./space.js" */

/** Of more agents, the list has the names, and the board the signs. */
const MOST_NAMED = 12;
const SMALLEST_NAMED_RADIUS = 7;
const SMALLEST_SIGNED_RADIUS = 5;

/** More agents are discs without edges and signs, which would cover each other. */
const MOST_SIGNED = 256;

/** @typedef {{id: string, x: number, y: number}} Point where an agent is drawn */

/**
 * The style sheet's colour of an agent or a team.
 *
 * @param {number} number
 */
export const agentColour = (number) => `agent-${number + 1}`;

/**
 * Draw the agents and return where they are.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {{space: Space, fitted: Fitted, radius: number, colours: Colours}} board
 * @param {Figure[]} figures
 * @param {number} share of the way to the next step
 * @returns {Point[]}
 */
export function drawFigures(pen, board, figures, share) {
  const { space, fitted, radius } = board;
  const { from, to } = spreadOf(figures);
  const way = eased(share);
  const points = figures.map(({ agent, position, next }, number) => {
    const [x, y] = space.pointOf(space.between(position, next, way), fitted);
    const [shiftX, shiftY] = [0, 1].map((axis) => from[number][axis] + (to[number][axis] - from[number][axis]) * way);
    return { id: agent.id, x: x + radius * shiftX, y: y + radius * shiftY };
  });
  figures.forEach((figure, number) => drawTrail(pen, board, figure, points[number]));
  const isMany = figures.length > MOST_SIGNED;
  if (isMany) drawPlainDiscs(pen, board, figures, points);
  figures.forEach((figure, number) => {
    if (!isMany || figure.isSelected) drawDisc(pen, board, figure, points[number]);
  });
  const isNamed = figures.length <= MOST_NAMED && radius >= SMALLEST_NAMED_RADIUS;
  figures.forEach((figure, number) => {
    const isAlone = from[number].every((shift) => shift === 0); // names of those beside each other would overlap
    if ((isNamed && isAlone) || figure.isSelected) drawName(pen, board, figure, points[number]);
  });
  return points;
}

/** @typedef {[x: number, y: number][]} Shifts of each agent, in radii */

/** Every frame between two steps has the same. @type {WeakMap<Figure[], {from: Shifts, to: Shifts}>} */
const spreads = new WeakMap();

/** @param {Figure[]} figures */
function spreadOf(figures) {
  const found = spreads.get(figures) ?? {
    from: spread(figures, ({ position }) => position),
    to: spread(figures, ({ position, next }) => next ?? position),
  };
  spreads.set(figures, found);
  return found;
}

/**
 * How far each agent is from the middle of its cell, so that those in the same one stand beside each other.
 *
 * @param {Figure[]} figures
 * @param {(figure: Figure) => ArrayLike<number>} placeOf
 * @returns {Shifts}
 */
function spread(figures, placeOf) {
  /** @type {Map<string, number[]>} */
  const together = new Map();
  figures.forEach((figure, number) => {
    const key = Array.from(placeOf(figure)).join(" ");
    const others = together.get(key);
    if (others) others.push(number);
    else together.set(key, [number]);
  });
  /** @type {Shifts} */
  const shifts = figures.map(() => [0, 0]);
  for (const numbers of together.values()) {
    if (numbers.length < 2) continue;
    const inOrder = [...numbers].sort((one, other) => (figures[one].agent.id < figures[other].agent.id ? -1 : 1));
    inOrder.forEach((number, place) => {
      const angle = (2 * Math.PI * place) / inOrder.length + Math.PI;
      shifts[number] = [0.8 * Math.cos(angle), 0.8 * Math.sin(angle)];
    });
  }
  return shifts;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{space: Space, fitted: Fitted, radius: number, colours: Colours}} board
 * @param {Figure} figure
 * @param {Point} here
 */
function drawTrail(pen, { space, fitted, radius, colours }, { agent, trail, position }, here) {
  if (!trail.length) return;
  pen.strokeStyle = colours[agentColour(agent.number)];
  pen.lineWidth = Math.max(1.5, radius * 0.28);
  pen.lineCap = "round";
  const way = [...trail, position];
  way.forEach((place, at) => {
    const [x, y] = space.pointOf(place, fitted);
    const isLast = at === way.length - 1;
    if (!isLast && !space.isGlide(place, way[at + 1])) return;
    const [nextX, nextY] = isLast ? [here.x, here.y] : space.pointOf(way[at + 1], fitted);
    pen.globalAlpha = 0.06 + 0.5 * ((at + 1) / way.length) ** 2;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(nextX, nextY);
    pen.stroke();
  });
  pen.globalAlpha = 1;
}

/**
 * All discs of a colour at once.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {{radius: number, colours: Colours}} board
 * @param {Figure[]} figures
 * @param {Point[]} points
 */
function drawPlainDiscs(pen, { radius, colours }, figures, points) {
  /** @type {Map<number, Path2D>} */
  const paths = new Map();
  figures.forEach(({ agent }, at) => {
    const path = paths.get(agent.number) ?? new Path2D();
    paths.set(agent.number, path);
    const { x, y } = points[at];
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
  });
  for (const [number, path] of paths) {
    pen.fillStyle = colours[agentColour(number)];
    pen.fill(path);
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{radius: number, colours: Colours}} board
 * @param {Figure} figure
 * @param {Point} here
 */
function drawDisc(pen, { radius, colours }, { agent, isSelected, progress }, { x, y }) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = colours[agentColour(agent.number)];
  pen.fill();
  pen.lineWidth = Math.max(1.5, radius * 0.14);
  pen.strokeStyle = colours.ground;
  pen.stroke();
  if (isSelected) {
    pen.beginPath();
    pen.arc(x, y, radius + pen.lineWidth * 1.5, 0, 2 * Math.PI);
    pen.strokeStyle = colours.text;
    pen.stroke();
  }
  if (progress) {
    pen.beginPath();
    pen.arc(x, y, radius * 1.45, -Math.PI / 2, (Math.min(1, progress) * 2 - 0.5) * Math.PI);
    pen.strokeStyle = colours.good;
    pen.stroke();
  }
  if (radius < SMALLEST_SIGNED_RADIUS) return;
  pen.fillStyle = colours.ground;
  pen.font = `650 ${Math.round(radius * (agent.sign.length > 1 ? 0.95 : 1.15))}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(agent.sign, x, y + radius * 0.06);
  pen.textBaseline = "alphabetic";
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {{fitted: Fitted, radius: number, colours: Colours}} board
 * @param {Figure} figure
 * @param {Point} here
 */
function drawName(pen, { fitted, radius, colours }, { agent, isSelected }, { x, y }) {
  pen.font = `${isSelected ? 650 : 500} 11px system-ui, sans-serif`;
  pen.textAlign = "center";
  const half = pen.measureText(agent.id).width / 2;
  const left = Math.min(Math.max(x, fitted.left + half + 2), fitted.left + fitted.width - half - 2);
  const isLow = y + radius + 16 > fitted.top + fitted.height;
  const line = isLow ? y - radius - 7 : y + radius + 13;
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.strokeStyle = colours.ground;
  pen.strokeText(agent.id, left, line);
  pen.fillStyle = isSelected ? colours.text : colours.muted;
  pen.fillText(agent.id, left, line);
}
