/** Draws a learning curve: axes with names, stages, points, means, and rings around the episodes that matter. */

import { formatCount, isNumber } from "../shell/numbers.js";
import { formatTick } from "./axis.js";
import { ticks } from "./scale.js";

/** @import { Colours } from "../shell/theme.js" */
/** @import { Curve, Highlight } from "../source/api.js" */
/** @import { Axis } from "./axis.js" */

export const INSETS = { left: 58, right: 14, top: 26, bottom: 38 };

const FONT = "11px system-ui, sans-serif";

/** Least distance between two labels of stages, in CSS pixels. */
const STAGES_APART = 52;

/** Height of a label. */
const LABEL_PIXELS = 14;

/**
 * What is needed to draw: `y` maps a value to a position.
 *
 * @typedef {object} Plot
 * @property {CanvasRenderingContext2D} pen
 * @property {{width: number, height: number}} size
 * @property {Colours} colour
 * @property {Axis} xs
 * @property {[number, number]} ys
 * @property {(id: number) => number} x
 * @property {(value: number) => number} y
 */

/**
 * @param {Plot} plot
 * @param {string} name of the vertical axis
 */
export function drawAxes({ pen, size, colour, xs, ys, y }, name) {
  const { width, height } = size;
  const { left, right, top } = INSETS;
  pen.font = FONT;
  pen.fillStyle = colour.muted;
  pen.strokeStyle = colour.line;
  pen.lineWidth = 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const value of ticks(...ys, Math.max(2, Math.floor(height / 50)))) {
    pen.beginPath();
    pen.moveTo(left, Math.round(y(value)) + 0.5);
    pen.lineTo(width - right, Math.round(y(value)) + 0.5);
    pen.stroke();
    pen.fillText(formatTick(value, ...ys), left - 8, y(value));
  }
  const textOf = (/** @type {number} */ id) => (Number.isInteger(id) ? formatCount(id) : null);
  xs.drawLabels(pen, { width, height: height - 16 }, { apart: 110, margin: right + 14, textOf });
  pen.textAlign = "left";
  pen.fillText(name, 4, top - 12);
  pen.textAlign = "center";
  pen.fillText("Episode", left + (width - left - right) / 2, height - 5);
}

/**
 * @param {Plot} plot
 * @param {{stage: number, episodeId: number}[]} starts
 */
export function drawStages({ pen, size, colour, x }, starts) {
  pen.strokeStyle = colour["line-strong"];
  pen.fillStyle = colour.muted;
  pen.font = FONT;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  let free = INSETS.left + 60; // right of the axis' name
  for (const { stage, episodeId } of starts) {
    const at = Math.round(x(episodeId)) + 0.5;
    pen.setLineDash([3, 4]);
    pen.beginPath();
    pen.moveTo(at, INSETS.top - 6);
    pen.lineTo(at, size.height - INSETS.bottom);
    pen.stroke();
    pen.setLineDash([]);
    if (at < free || at > size.width - STAGES_APART) continue;
    pen.fillText(`stage ${stage}`, at + 4, INSETS.top - 12);
    free = at + STAGES_APART;
  }
}

/**
 * @param {Plot} plot
 * @param {[number, number]} range
 */
export function drawRange({ pen, size, colour, x }, [first, last]) {
  pen.fillStyle = colour["loop-area"];
  pen.fillRect(x(first), INSETS.top, Math.max(2, x(last) - x(first)), size.height - INSETS.top - INSETS.bottom);
}

/**
 * The episodes that were not kept, as small points.
 *
 * @param {Plot} plot
 * @param {Curve} curve
 */
export function drawSkipped({ pen, colour, x, y }, { episode_id: ids, value, recorded }) {
  pen.fillStyle = colour["curve-dot"];
  ids.forEach((id, point) => {
    const height = value[point];
    if (!recorded[point] && isNumber(height)) pen.fillRect(x(id) - 1, y(height) - 1, 2, 2);
  });
}

/**
 * The recorded episodes, as discs.
 *
 * @param {Plot} plot
 * @param {Curve} curve
 */
export function drawKept({ pen, colour, x, y }, { episode_id: ids, value, recorded }) {
  pen.fillStyle = colour.kept;
  ids.forEach((id, point) => {
    const height = value[point];
    if (!recorded[point] || !isNumber(height)) return;
    pen.beginPath();
    pen.arc(x(id), y(height), 2.75, 0, 2 * Math.PI);
    pen.fill();
  });
}

/**
 * @param {Plot} plot
 * @param {number[]} ids
 * @param {number[]} mean
 * @param {string} color
 */
export function drawMean({ pen, x, y }, ids, mean, color) {
  pen.strokeStyle = color;
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.beginPath();
  ids.forEach((id, point) => isNumber(mean[point]) && pen.lineTo(x(id), y(mean[point])));
  pen.stroke();
}

/**
 * @param {Plot} plot
 * @param {{x: number, y: number}} place
 */
export function drawRing({ pen, colour }, { x, y }) {
  pen.strokeStyle = colour.text;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x, y, 6, 0, 2 * Math.PI);
  pen.stroke();
}

/**
 * Rings and names of the episodes that matter; a name is left out if there is no room for it.
 *
 * @param {Plot} plot
 * @param {{name: string, x: number, y: number}[]} rings
 */
export function drawRings(plot, rings) {
  const { pen, colour, size } = plot;
  for (const ring of rings) drawRing(plot, ring);
  pen.font = FONT;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  /** @type {{left: number, right: number, y: number}[]} */
  const taken = rings.map(({ x, y }) => ({ left: x - 7, right: x + 7, y }));
  for (const { name, x, y } of rings) {
    const { width } = pen.measureText(name);
    const places = [
      { left: x + 10, y },
      { left: x - 10 - width, y },
      { left: x - width / 2, y: y + LABEL_PIXELS },
      { left: x - width / 2, y: y + 2 * LABEL_PIXELS },
      { left: x - width / 2, y: y - LABEL_PIXELS },
    ].map((place) => ({ ...place, right: place.left + width }));
    const free = places.find(
      (place) =>
        place.left > INSETS.left &&
        place.right < size.width &&
        place.y > INSETS.top &&
        place.y < size.height - INSETS.bottom &&
        taken.every(
          (other) =>
            place.left > other.right || place.right < other.left || Math.abs(place.y - other.y) >= LABEL_PIXELS,
        ),
    );
    if (!free) continue;
    taken.push(free);
    pen.strokeStyle = colour.panel;
    pen.fillStyle = colour.text;
    pen.lineWidth = 3;
    pen.strokeText(name, free.left, free.y);
    pen.fillText(name, free.left, free.y);
  }
}
