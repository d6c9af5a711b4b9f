/**
 * Replaces the grid for an episode without positions: reward, action, meters and extras around the current step, as
 * lines. A column of many numbers is one band, brighter for higher values.
 */

import { actionsOf } from "../player/agent_row.js";
import { CanvasObserver, isSharp, prepareCanvas } from "../shell/canvas.js";
import { element } from "../shell/dom.js";
import { formatValue } from "../shell/numbers.js";
import { colours, onThemeChange } from "../shell/theme.js";
import { colourNameOf } from "./affordance_marks.js";
import { Band } from "./band.js";
import { chooseSignals, columnsOf, readLine, windowAround } from "./signals.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { Colours } from "../shell/theme.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Outline } from "../source/outline.js" */
/** @import { Signal } from "./signals.js" */
/** @import { Rectangle } from "./space.js" */

/** Number of steps shown. */
const SHOWN_STEPS = 200;

/** Height of a band in lines. */
const BAND_LINES = 3;

const GAP = 5;
const LARGEST_LETTERS = 12;
const VALUE_WIDTH = 62;
const WIDEST_VALUE = 110;
/** In a narrower canvas the texts are above the lines; without room for that, there are none. */
const NARROW = 240;
const LEAST_LINE_WITH_TEXT = 28;
const WIDEST_NAME = 150;
const STILL_TO_COME = 0.35;

/** @typedef {{low: number, high: number}} Range */

/** @typedef {{signal: Signal, tint: string, band: ?Band, range: Range}} Row */

/**
 * The steps around the one at `index`, and the values of each row in them.
 *
 * @typedef {{index: number, first: number, end: number, values: Float64Array[], isLive: boolean}} Stretch
 */

export class HistoryView {
  node;

  #canvas = element("canvas", { class: "history-canvas", role: "img" });
  /** Short names of the actions. @type {string[]} */
  #actions = [];
  #longestAction = "";
  /** @type {import("../source/messages.js").Agent | null} */
  #agent = null;
  /** @type {import("../decode/columns.js").ColumnSpec[]} */
  #columns = [];
  /** @type {Row[]} */
  #rows = [];
  #shown = "";
  /** @type {?Stretch} */
  #last = null;
  #observer = new CanvasObserver(() => isSharp(this.#canvas) || this.#refresh());
  #stopTheme = onThemeChange(() => this.#refresh());

  constructor() {
    this.node = element("div", { class: "history" }, this.#canvas);
    this.#observer.observe(this.#canvas);
  }

  /**
   * @param {Outline} outline
   * @param {?import("../source/messages.js").Agent} agent whose values are shown, of several
   */
  open(outline, agent = null) {
    this.#agent = agent;
    this.#actions = actionsOf(outline, agent).labels;
    this.#longestAction = this.#actions.reduce((long, name) => (name.length > long.length ? name : long), "");
    this.#columns = [...outline.schema];
    this.#shown = "";
    this.#last = null;
    this.#choose(outline);
  }

  /**
   * Draw the steps around the one with this index, as far as they are loaded, unless they are drawn already.
   *
   * @param {EpisodeStore} store
   * @param {number} index
   */
  draw(store, index) {
    const { nSteps, table, opened } = store;
    const [first, end] = windowAround(index, nSteps, SHOWN_STEPS);
    /** @type {{firstIndex: number, chunk: ?Chunk}[]} */
    const parts = [];
    for (let position = table.positionOf(first); position <= table.positionOf(end - 1); position++) {
      const { firstIndex } = table.chunks[position];
      parts.push({ firstIndex, chunk: store.chunkAt(firstIndex) });
    }
    const shown = `${index} ${nSteps} ${parts.map(({ chunk }) => Number(Boolean(chunk)))}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    for (const { firstIndex, chunk } of parts)
      if (chunk) this.#learn(chunk, opened);
      else store.load(firstIndex).catch(() => {}); // the stage reports a chunk that can't be read
    const there = parts.flatMap(({ firstIndex, chunk }) => (chunk ? [{ firstIndex, chunk }] : []));
    const values = this.#rows.map(({ signal, band }) =>
      band ? band.read(there, first, end) : readLine(there, signal, first, end),
    );
    this.#last = { index, first, end, values, isLive: opened.live };
    this.#paint(this.#last);
  }
  close() {
    this.#observer.disconnect();
    this.#stopTheme();
  }

  #refresh() {
    if (this.#last) this.#paint(this.#last);
  }

  /**
   * A column may first appear after the first steps.
   *
   * @param {Chunk} chunk
   * @param {Outline} outline
   */
  #learn(chunk, outline) {
    const late = chunk.specs.filter(({ name }) => !this.#columns.some((column) => column.name === name));
    if (!late.length) return;
    this.#columns.push(...late);
    this.#choose(outline);
  }

  /** @param {Outline} outline */
  #choose({ meterNames, metadata }) {
    const signals = chooseSignals(columnsOf(this.#columns, this.#agent), meterNames, metadata.info?.observation_names);
    let nTints = 0;
    this.#rows = signals.map((signal) => {
      const tint = OWN_TINTS.get(signal.column) ?? colourNameOf(nTints++);
      const band = signal.component === null ? new Band(signal) : null;
      return { signal, tint, band, range: rangeAtFirst(signal) };
    });
    this.#canvas.setAttribute("aria-label", `${signals.map(({ name }) => name).join(", ")} over time`);
  }

  /** @param {Stretch} stretch */
  #paint({ index, first, end, values, isLive }) {
    const { context: pen, width, height } = prepareCanvas(this.#canvas);
    const colour = colours();
    const nLines = this.#rows.reduce((sum, { band }) => sum + (band ? BAND_LINES : 1), 0);
    const lineHeight = height / nLines;
    const letters = Math.max(7, Math.min(LARGEST_LETTERS, lineHeight - 2));
    pen.font = `500 ${letters}px system-ui, sans-serif`;
    pen.textBaseline = "middle";
    const names = this.#rows.map(({ signal }) => pen.measureText(signal.name).width);
    const isNarrow = width < NARROW;
    const head = isNarrow && lineHeight >= LEAST_LINE_WITH_TEXT ? letters + 3 : 0;
    const nameWidth = isNarrow ? 0 : Math.min(WIDEST_NAME, width * 0.28, Math.max(...names) + 12);
    const widestValue = Math.min(WIDEST_VALUE, width * 0.18, pen.measureText(this.#longestAction).width + 10);
    const valueWidth = isNarrow ? 0 : Math.max(VALUE_WIDTH, widestValue);
    const plotWidth = Math.max(10, width - nameWidth - valueWidth);
    const nSpan = Math.max(2, isLive ? SHOWN_STEPS : end - first);
    const xOf = (/** @type {number} */ step) => nameWidth + ((step - first) / (nSpan - 1)) * (plotWidth - 1);
    let top = 0;
    this.#rows.forEach(({ signal, tint, band, range }, row) => {
      const rowHeight = lineHeight * (band ? BAND_LINES : 1);
      const place = {
        left: nameWidth,
        top: top + GAP / 2 + head,
        width: plotWidth,
        height: Math.max(4, rowHeight - GAP - head),
      };
      pen.fillStyle = colour.ground;
      pen.fillRect(place.left, place.top, place.width, place.height);
      if (band)
        band.draw(pen, values[row], { ...place, width: xOf(end - 1) - nameWidth + 1 }, colour[tint], index - first);
      else drawLine(pen, values[row], { place, first, index, xOf, colour, tint: colour[tint], range });
      if (!isNarrow || head) {
        const value = this.#valueText(signal, values[row], index - first);
        const y = head ? top + GAP / 2 + letters / 2 : top + rowHeight / 2;
        pen.fillStyle = colour.text;
        pen.textAlign = "left";
        pen.fillText(fitted(pen, signal.name, head ? width * 0.55 : nameWidth - 8), 0, y);
        pen.textAlign = "right";
        pen.fillText(fitted(pen, value, head ? width * 0.4 : valueWidth - 6), width, y);
      }
      top += rowHeight;
    });
    pen.fillStyle = colour.text;
    pen.fillRect(Math.round(xOf(index)) - 0.5, GAP / 2, 1.5, height - GAP);
  }

  /**
   * @param {Signal} signal
   * @param {Float64Array} values
   * @param {number} at
   */
  #valueText({ column, component, nValues }, values, at) {
    if (component === null) return `×${nValues}`;
    const name = column === "action" && nValues === 1 ? this.#actions[values[at]] : null;
    return name ?? formatValue(values[at]);
  }
}

const OWN_TINTS = new Map([
  ["reward", "reward"],
  ["action", "muted"],
]);

/**
 * The minimum range: 0 to 1 for meters, 0 for rewards, none for others.
 *
 * @param {Signal} signal
 * @returns {Range}
 */
function rangeAtFirst({ column }) {
  if (column === "meters") return { low: 0, high: 1 };
  return column === "reward" ? { low: 0, high: 0 } : { low: Infinity, high: -Infinity };
}

/**
 * Extend the scale to new values. It never shrinks, so that nothing jumps.
 *
 * @param {Range} range
 * @param {Float64Array} values
 */
function widen(range, values) {
  for (const value of values) {
    if (value < range.low && value > -Infinity) range.low = value;
    if (value > range.high && value < Infinity) range.high = value;
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Float64Array} values
 * @param {{place: Rectangle, first: number, index: number, xOf: (step: number) => number, colour: Colours, tint: string,
 *   range: Range}} how
 */
function drawLine(pen, values, { place, first, index, xOf, colour, tint, range }) {
  widen(range, values);
  const { low, high } = range;
  const margin = Math.min(4, place.height / 5);
  const room = place.height - 2 * margin;
  const yOf = (/** @type {number} */ value) =>
    place.top + margin + (high > low ? (high - value) / (high - low) : 0.5) * room;
  if (low < 0 && high > 0) {
    pen.fillStyle = colour["line-strong"];
    pen.fillRect(place.left, Math.round(yOf(0)) - 0.5, place.width, 1);
  }
  pen.strokeStyle = tint;
  pen.lineWidth = 1.75;
  pen.lineJoin = "round";
  stroke(pen, values, 0, index - first, (at) => xOf(first + at), yOf);
  pen.globalAlpha = STILL_TO_COME;
  stroke(pen, values, index - first, values.length - 1, (at) => xOf(first + at), yOf);
  pen.globalAlpha = 1;
}

/**
 * Draw a line through the values from `from` to `to`, broken where they are missing.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {Float64Array} values
 * @param {number} from
 * @param {number} to
 * @param {(at: number) => number} xOf
 * @param {(value: number) => number} yOf
 */
function stroke(pen, values, from, to, xOf, yOf) {
  pen.beginPath();
  for (let at = from, isBroken = true; at <= to; at++) {
    const isThere = Number.isFinite(values[at]);
    if (isThere && isBroken) pen.moveTo(xOf(at), yOf(values[at]));
    else if (isThere) pen.lineTo(xOf(at), yOf(values[at]));
    isBroken = !isThere;
  }
  pen.stroke();
}

/**
 * A text that fits, shortened if necessary.
 *
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {number} width
 */
function fitted(pen, text, width) {
  let shown = text;
  for (let length = text.length - 1; length > 0 && pen.measureText(shown).width > width; length--)
    shown = `${text.slice(0, length)}…`;
  return shown;
}
