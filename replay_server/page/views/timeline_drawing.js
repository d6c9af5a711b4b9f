/** The static part of the timeline on its canvas: curves, with a lane of markers below. */

import { cellsOf } from "../playback/markers.js";
import { hatch, prepareCanvas } from "../shell/canvas.js";
import { isNumber } from "../shell/numbers.js";
import { colours } from "../shell/theme.js";
import { colourNameOf } from "./affordance_marks.js";
import { agentColour } from "./agent_marks.js";
import { agentCurves, drawPresence, presenceHeight, totalColour } from "./timeline_agents.js";
import { LANE_HEIGHT, drawDensity, drawMarker } from "./timeline_markers.js";

/** @import { Colours } from "../shell/theme.js" */
/** @import { MarkerKind } from "../source/outline.js" */
/** @import { ChunkTable } from "../source/chunk_table.js" */

const TOP = 6;

/** Height that the curves need at least; in a lower timeline there are no bars of agents. */
const LEAST_CURVES = 20;

/**
 * Curves of meters use the colours of affordances, which are easy to tell apart.
 *
 * @param {Colours} colour
 * @param {number} meter
 */
const meterColour = (colour, meter) => colour[colourNameOf(meter)];

/**
 * Draw it.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{store: import("../source/episode_store.js").EpisodeStore, xOf: function(number): number, shownMeters:
 *   Set<number>, loop: ?[number, number], skipsDull: boolean, curves: import("./timeline_curves.js").Curves, other:
 *   ?{store: import("../source/episode_store.js").EpisodeStore, offset: number}, difference: ?number, agent:
 *   ?import("../source/messages.js").Agent}} shown `xOf` maps a step number to a position; `other` is compared, and
 *   `difference` is the step of the first difference; `agent` is the selected one
 */
export function drawTimeline(canvas, { store, xOf, shownMeters, loop, skipsDull, curves, other, difference, agent }) {
  const { context: pen, width, height } = prepareCanvas(canvas);
  const colour = colours();
  const { opened: outline } = store;
  const { table, meterRanges } = outline;
  const xOfIndex = (/** @type {number} */ index) => xOf(table.numberOf(index));
  const laneTop = height - LANE_HEIGHT;
  const forBars = presenceHeight(outline);
  const hasBars = laneTop - forBars >= LEAST_CURVES;
  const bottom = hasBars ? laneTop - forBars : laneTop;
  pen.fillStyle = colour.ground;
  pen.fillRect(0, 0, width, laneTop);
  pen.fillStyle = colour.critical;
  for (const [from, to] of agent?.critical ?? outline.critical)
    pen.fillRect(xOfIndex(from), 0, Math.max(1, xOf(table.numberOf(to - 1) + 1) - xOfIndex(from)), bottom);

  const xs = curves.index.map(xOfIndex);
  const breaks = gapBreaks(curves.index, table);
  const otherReturns = other?.store.outline?.overview.cumulative_reward ?? [];
  const ofAgents = agentCurves(outline, agent);
  const range = rangeOf([...curves.returns, ...otherReturns, ...ofAgents.flatMap(({ returns }) => returns)]);
  drawReward(pen, xs, curves.returns, breaks, range, bottom, colour, colour[totalColour(outline)]);
  const sampleXs = outline.overview.index.map(xOfIndex);
  const sampleBreaks = gapBreaks(outline.overview.index, table);
  for (const { number, returns, isSelected } of ofAgents)
    drawCurve(pen, sampleXs, returns, sampleBreaks, range, bottom, colour[agentColour(number)], isSelected ? 2 : 1.25);
  if (hasBars) drawPresence(pen, { outline, selected: agent, xOfIndex, top: bottom, colour });
  if (other?.store.outline) {
    const { table: otherTable, overview } = other.store.opened;
    const otherXs = overview.index.map((index) => xOf(otherTable.numberOf(index) - other.offset));
    pen.setLineDash([5, 3]);
    drawCurve(pen, otherXs, otherReturns, gapBreaks(overview.index, otherTable), range, bottom, colour.kept, 1.5);
    pen.setLineDash([]);
  }
  if (difference !== null) {
    pen.fillStyle = colour.kept;
    pen.fillRect(xOf(difference) - 0.5, 0, 1, height);
  }
  for (const meter of shownMeters) {
    drawCurve(pen, xs, curves.meters[meter], breaks, meterRanges[meter], bottom, meterColour(colour, meter), 1.25);
  }
  if (skipsDull) for (const [from, to] of outline.dull) drawCut(pen, xOfIndex(from), xOfIndex(to), bottom, colour);
  if (loop) drawLoop(pen, xOfIndex(loop[0]), xOfIndex(loop[1]), height, colour);
  for (const { firstStep, endStep } of outline.gaps) {
    drawGap(pen, xOf(firstStep), endStep === null ? width : xOf(endStep), height, colour);
  }
  pen.fillStyle = colour.line;
  pen.fillRect(0, laneTop, width, 1);
  const inSight = store.markers.filter(({ index }) => xOfIndex(index) >= 0 && xOfIndex(index) <= width);
  const isNote = (/** @type {{kind: MarkerKind}} */ { kind }) => kind === "annotation";
  const found = inSight.filter((marker) => !isNote(marker));
  for (const { x, markers } of cellsOf(found, xOfIndex)) {
    if (markers.length > 1) drawDensity(pen, x, laneTop, markers, colour);
    else drawMarker(pen, x, laneTop, markers[0].kind, colour);
  }
  for (const { index, kind } of inSight.filter(isNote)) drawMarker(pen, xOfIndex(index), laneTop, kind, colour);
}

/**
 * Draw the overview strip: the curve of the return, and the part that the timeline shows.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{store: import("../source/episode_store.js").EpisodeStore, xOf: function(number): number, shown: [number,
 *   number]}} strip `xOf` maps a step number to a position
 */
export function drawOverview(canvas, { store, xOf, shown: [low, high] }) {
  const { context: pen, width, height } = prepareCanvas(canvas);
  const colour = colours();
  const { table, overview } = store.opened;
  pen.fillStyle = colour.ground;
  pen.fillRect(0, 0, width, height);
  const xs = overview.index.map((index) => xOf(table.numberOf(index)));
  const returns = overview.cumulative_reward;
  drawReward(pen, xs, returns, gapBreaks(overview.index, table), rangeOf(returns), height, colour);
  pen.fillStyle = colour.cut;
  pen.fillRect(0, 0, xOf(low), height);
  pen.fillRect(xOf(high), 0, width - xOf(high), height);
  pen.strokeStyle = colour.accent;
  pen.lineWidth = 2;
  pen.strokeRect(xOf(low), 1, Math.max(4, xOf(high) - xOf(low)), height - 2);
}

/**
 * From the least to the greatest number; zero is included.
 *
 * @param {(?number)[]} values
 * @returns {[low: number, high: number]}
 */
function rangeOf(values) {
  const finite = values.filter(isNumber);
  const low = finite.reduce((least, value) => Math.min(least, value), 0);
  const high = finite.reduce((most, value) => Math.max(most, value), 0);
  return [low, high === low ? low + 1 : high];
}

/**
 * Samples between which steps are missing.
 *
 * @param {number[]} samples
 * @param {ChunkTable} table
 */
function gapBreaks(samples, table) {
  /** @type {Set<number>} */
  const breaks = new Set();
  for (let chunk = 1; chunk < table.chunks.length; chunk++) {
    const { firstStep, nSteps } = table.chunks[chunk - 1];
    if (table.chunks[chunk].firstStep === firstStep + nSteps) continue;
    const after = samples.findIndex((sample) => sample >= table.chunks[chunk].firstIndex);
    if (after > 0) breaks.add(after);
  }
  return breaks;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number[]} xs
 * @param {(?number)[]} rewards
 * @param {Set<number>} breaks
 * @param {[number, number]} range
 * @param {number} bottom
 * @param {Colours} colour
 */
function drawReward(pen, xs, rewards, breaks, range, bottom, colour, stroke = colour.reward) {
  const zero = yOf(0, range, bottom);
  pen.fillStyle = colour["reward-area"];
  pen.beginPath();
  xs.forEach((x, sample) => {
    if (sample === 0 || breaks.has(sample)) pen.lineTo(x, zero);
    pen.lineTo(x, yOf(rewards[sample] ?? 0, range, bottom));
    if (sample === xs.length - 1 || breaks.has(sample + 1)) pen.lineTo(x, zero);
  });
  pen.fill();
  drawCurve(pen, xs, rewards, breaks, range, bottom, stroke, 1.75);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number[]} xs
 * @param {(?number)[]} values
 * @param {Set<number>} breaks
 * @param {[number, number]} range
 * @param {number} bottom
 * @param {string} stroke
 * @param {number} lineWidth
 */
function drawCurve(pen, xs, values, breaks, range, bottom, stroke, lineWidth) {
  pen.strokeStyle = stroke;
  pen.lineWidth = lineWidth;
  pen.lineJoin = "round";
  pen.beginPath();
  let isDown = false;
  xs.forEach((x, sample) => {
    const value = values[sample];
    if (!isNumber(value)) {
      isDown = false;
      return;
    }
    if (isDown && !breaks.has(sample)) pen.lineTo(x, yOf(value, range, bottom));
    else pen.moveTo(x, yOf(value, range, bottom));
    isDown = true;
  });
  pen.stroke();
}

/**
 * @param {number} value
 * @param {[low: number, high: number]} range
 * @param {number} bottom
 */
const yOf = (value, [low, high], bottom) => bottom - 4 - ((value - low) / (high - low)) * (bottom - 4 - TOP);

/**
 * Draw a skipped dull span: dimmed, with torn edges.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {number} from
 * @param {number} to
 * @param {number} bottom
 * @param {Colours} colour
 */
function drawCut(pen, from, to, bottom, colour) {
  pen.fillStyle = colour.cut;
  pen.beginPath();
  const tooth = 3;
  for (let y = 0; y <= bottom; y += tooth) pen.lineTo(from + ((y / tooth) % 2 ? tooth : 0), y);
  for (let y = bottom - (bottom % tooth); y >= 0; y -= tooth) pen.lineTo(to - ((y / tooth) % 2 ? tooth : 0), y);
  pen.closePath();
  pen.fill();
  pen.strokeStyle = colour["line-strong"];
  pen.lineWidth = 1;
  pen.stroke();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} from
 * @param {number} to
 * @param {number} height
 * @param {Colours} colour
 */
function drawLoop(pen, from, to, height, colour) {
  pen.fillStyle = colour["loop-area"];
  pen.fillRect(from, 0, Math.max(2, to - from), height);
  pen.fillStyle = colour.accent;
  pen.fillRect(from - 1, 0, 2, height);
  pen.fillRect(to - 1, 0, 2, height);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} from
 * @param {number} to
 * @param {number} height
 * @param {Colours} colour
 */
function drawGap(pen, from, to, height, colour) {
  const width = Math.max(3, to - from);
  pen.fillStyle = colour.ground;
  pen.fillRect(from, 0, width, height);
  pen.fillStyle = hatch(pen, colour.warn);
  pen.fillRect(from, 0, width, height);
}
