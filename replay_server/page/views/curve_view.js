/**
 * The learning curve of a run: the return of every episode, a moving mean, and marks on the recorded ones. Drag to
 * select a range of episodes; click to open the nearest recorded episode.
 */

import { CanvasObserver, prepareCanvas } from "../shell/canvas.js";
import { element, setText } from "../shell/dom.js";
import { formatCount, formatNumber, isNumber } from "../shell/numbers.js";
import { colours, onThemeChange } from "../shell/theme.js";
import { Axis, formatTick } from "./axis.js";
import { placeBubble, watchPointer } from "./pointer.js";
import { ticks } from "./scale.js";

/** @import { Colours } from "../shell/theme.js" */
/** @import { Curve } from "../source/api.js" */

const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 22;

/** Shorter drags are clicks, in CSS pixels. */
const SHORTEST_BRUSH = 5;

/** Window of the moving mean as a share of all episodes. */
const MEAN_SHARE = 0.03;

export class CurveView {
  node;

  #canvas = element("canvas", {
    class: "curve-canvas",
    role: "img",
    "aria-label": "Return of every episode of the run",
  });
  #tip = element("div", { class: "bubble", hidden: true, "aria-hidden": "true" });
  /** @type {?Curve} */
  #curve = null;
  /** @type {number[]} */
  #mean = [];
  /** @type {?[number, number]} */
  #range = null;
  #xs = new Axis(LEFT, RIGHT);
  /** @type {[number, number]} */
  #ys = [0, 1];
  #dragFrom = { x: 0, id: 0 };
  #hovered = -1;
  #on;
  #observer = new CanvasObserver(() => this.#draw());
  #stopTheme = onThemeChange(() => this.#draw());

  /**
   * @param {{range: function(?[number, number]): void, open: function(number): void}} on a range of episode ids was
   *   selected; open an episode
   */
  constructor(on) {
    this.#on = on;
    watchPointer(this.#canvas, {
      isReady: () => Boolean(this.#curve?.episode_id.length),
      begin: (event) => (this.#dragFrom = { x: event.clientX, id: this.#idAt(event) }),
      move: (event, isDragging) => this.#move(event, isDragging),
      end: (event) => this.#end(event),
      leave: () => this.#leave(),
    });
    this.node = element(
      "div",
      { class: "curve" },
      element(
        "p",
        { class: "caption" },
        "Return of each episode: ",
        element("span", { class: "key-mean" }, "moving mean"),
        ", ",
        element("span", { class: "key-kept" }, "recorded"),
      ),
      this.#canvas,
      this.#tip,
    );
    this.#observer.observe(this.#canvas);
  }

  /** @param {Curve} curve */
  show(curve) {
    this.#curve = curve;
    const { episode_id: ids, total_reward: returns } = curve;
    this.#mean = movingMean(returns, Math.max(1, Math.round(returns.length * MEAN_SHARE)));
    const [first = 0] = ids;
    this.#xs.span(first, Math.max(ids.at(-1) ?? 0, first + 1));
    const finite = returns.filter(isNumber);
    const low = finite.reduce((least, value) => Math.min(least, value), Infinity);
    const high = finite.reduce((most, value) => Math.max(most, value), -Infinity);
    this.#ys = niceRange(low, high);
    this.#draw();
  }

  /**
   * Show the selected range of episodes; null for all.
   *
   * @param {?[number, number]} range
   */
  showRange(range) {
    this.#range = range;
    this.#draw();
  }
  close() {
    this.#observer.disconnect();
    this.#stopTheme();
  }

  #draw() {
    const { context: pen, width, height } = prepareCanvas(this.#canvas);
    if (!this.#curve || width === 0) return;
    const colour = colours();
    /** @param {number} id */
    const x = (id) => this.#xs.xOf(id, width);
    /** @param {number} value */
    const y = (value) =>
      height - BOTTOM - ((value - this.#ys[0]) / (this.#ys[1] - this.#ys[0])) * (height - BOTTOM - TOP);
    this.#drawAxes(pen, y, { width, height }, colour);
    if (this.#range) {
      pen.fillStyle = colour["loop-area"];
      pen.fillRect(x(this.#range[0]), TOP, Math.max(2, x(this.#range[1]) - x(this.#range[0])), height - TOP - BOTTOM);
    }
    const { episode_id: ids, total_reward: returns, recorded } = this.#curve;
    pen.fillStyle = colour["curve-dot"];
    ids.forEach((id, point) => {
      const total = returns[point];
      if (isNumber(total)) pen.fillRect(x(id) - 1, y(total) - 1, 2, 2);
    });
    pen.strokeStyle = colour.reward;
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.beginPath();
    ids.forEach((id, point) => Number.isFinite(this.#mean[point]) && pen.lineTo(x(id), y(this.#mean[point])));
    pen.stroke();
    pen.fillStyle = colour.kept;
    ids.forEach((id, point) => {
      const total = returns[point];
      if (!recorded[point] || !isNumber(total)) return;
      pen.beginPath();
      pen.arc(x(id), y(total), point === this.#hovered ? 5 : 2.75, 0, 2 * Math.PI);
      pen.fill();
    });
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {(value: number) => number} y
   * @param {{width: number, height: number}} size
   * @param {Colours} colour
   */
  #drawAxes(pen, y, size, colour) {
    const { width, height } = size;
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = colour.muted;
    pen.strokeStyle = colour.line;
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const value of ticks(...this.#ys, Math.max(2, Math.floor(height / 50)))) {
      pen.beginPath();
      pen.moveTo(LEFT, Math.round(y(value)) + 0.5);
      pen.lineTo(width - RIGHT, Math.round(y(value)) + 0.5);
      pen.stroke();
      pen.fillText(formatTick(value, ...this.#ys), LEFT - 8, y(value));
    }
    const textOf = (/** @type {number} */ id) => (Number.isInteger(id) ? formatCount(id) : null);
    this.#xs.drawLabels(pen, size, { apart: 110, margin: RIGHT + 14, textOf });
  }

  /** @param {PointerEvent} event */
  #idAt(event) {
    return Math.round(this.#xs.valueAt(event, this.#canvas));
  }

  /**
   * @param {PointerEvent} event
   * @param {boolean} isDragging
   */
  #move(event, isDragging) {
    if (isDragging && this.#isBrush(event)) {
      const { id: from } = this.#dragFrom;
      const id = this.#idAt(event);
      this.showRange([Math.min(from, id), Math.max(from, id)]);
    }
    this.#tell(event);
  }

  /** @param {PointerEvent} event */
  #end(event) {
    if (this.#isBrush(event)) this.#on.range(this.#range);
    else if (this.#curve && this.#hovered >= 0) this.#on.open(this.#curve.episode_id[this.#hovered]);
  }

  /** @param {PointerEvent} event */
  #isBrush(event) {
    return Math.abs(event.clientX - this.#dragFrom.x) >= SHORTEST_BRUSH;
  }

  #leave() {
    this.#tip.hidden = true;
    this.#hovered = -1;
    this.#draw();
  }

  /** @param {PointerEvent} event */
  #tell(event) {
    if (!this.#curve) return;
    const { episode_id: ids, total_reward: returns, recorded, curriculum_stage: stages } = this.#curve;
    const id = this.#idAt(event);
    let nearest = -1;
    ids.forEach((other, point) => {
      if (recorded[point] && (nearest < 0 || Math.abs(other - id) < Math.abs(ids[nearest] - id))) nearest = point;
    });
    this.#hovered = nearest;
    this.#draw();
    if (nearest < 0) return;
    const stage = stages[nearest] === null ? "" : ` · stage ${stages[nearest]}`;
    setText(this.#tip, `Episode ${formatCount(ids[nearest])}\nReturn ${formatNumber(returns[nearest])}${stage}`);
    this.#tip.hidden = false;
    placeBubble(this.#tip, this.#canvas, event);
  }
}

/**
 * Mean of up to `2 * reach + 1` values around each; NaN and null are ignored.
 *
 * @param {(?number)[]} values
 * @param {number} reach
 */
export function movingMean(values, reach) {
  let sum = 0;
  let count = 0;
  /**
   * @param {number} index
   * @param {1|-1} sign
   */
  const add = (index, sign) => {
    const value = values[index];
    if (!isNumber(value)) return;
    sum += sign * value;
    count += sign;
  };
  for (let index = 0; index < Math.min(reach, values.length); index++) add(index, 1);
  return values.map((_, index) => {
    add(index + reach, 1);
    add(index - reach - 1, -1);
    return count ? sum / count : NaN;
  });
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {[number, number]}
 */
function niceRange(low, high) {
  if (low > high) return [0, 1];
  if (low === high) return [low - 1, high + 1];
  const margin = (high - low) * 0.06;
  return [low - margin, high + margin];
}
