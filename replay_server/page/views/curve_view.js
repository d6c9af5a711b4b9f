/**
 * The learning curve of a run: the return of every episode, a moving mean, the recorded ones marked. Dragging across it
 * chooses a range of episodes; a click opens the recorded episode nearest to it.
 */

import { CanvasObserver, prepareCanvas } from "../shell/canvas.js";
import { element, setText } from "../shell/dom.js";
import { formatCount, formatNumber } from "../shell/numbers.js";
import { colours, onThemeChange } from "../shell/theme.js";
import { ticks } from "./scale.js";

const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 22;

/** Drags that are shorter are clicks, in CSS pixels. */
const SHORTEST_BRUSH = 5;

/** Episodes of the moving mean: this share of all. */
const MEAN_SHARE = 0.03;

export class CurveView {
  node;

  #canvas = element("canvas", {
    class: "curve-canvas",
    role: "img",
    "aria-label": "Return of every episode of the run",
  });
  #tip = element("div", { class: "bubble", hidden: true, "aria-hidden": "true" });
  #curve = null;
  #mean = [];
  #range = null;
  #xs = [1, 1];
  #ys = [0, 1];
  #dragFrom = null;
  #hovered = -1;
  #on;
  #observer = new CanvasObserver(() => this.#draw());
  #stopTheme = onThemeChange(() => this.#draw());

  /**
   * @param {{range: function(?[number, number]): void, open: function(number): void}} on a range of episode ids was
   *   chosen; open an episode
   */
  constructor(on) {
    this.#on = on;
    this.#canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.#canvas.addEventListener("pointerup", (event) => this.#up(event));
    this.#canvas.addEventListener("pointerleave", () => this.#leave());
    this.node = element("div", { class: "curve" }, this.#canvas, this.#tip);
    this.#observer.observe(this.#canvas);
  }

  /** Show a run's curve, as the server has it. */
  show(curve) {
    this.#curve = curve;
    const { episode_id: ids, total_reward: returns } = curve;
    this.#mean = movingMean(returns, Math.max(1, Math.round(returns.length * MEAN_SHARE)));
    this.#xs = ids.length ? [ids[0], Math.max(ids.at(-1), ids[0] + 1)] : [0, 1];
    const finite = returns.filter(Number.isFinite);
    const low = finite.reduce((least, value) => Math.min(least, value), Infinity);
    const high = finite.reduce((most, value) => Math.max(most, value), -Infinity);
    this.#ys = niceRange(low, high);
    this.#draw();
  }

  /** Show which range of episodes is chosen; null for all. */
  showRange(range) {
    this.#range = range;
    this.#draw();
  }

  /** Give everything back. */
  close() {
    this.#observer.disconnect();
    this.#stopTheme();
  }

  #draw() {
    const { context: pen, width, height } = prepareCanvas(this.#canvas);
    if (!this.#curve || width === 0) return;
    const colour = colours();
    const x = (id) => LEFT + ((id - this.#xs[0]) / (this.#xs[1] - this.#xs[0])) * (width - LEFT - RIGHT);
    const y = (value) =>
      height - BOTTOM - ((value - this.#ys[0]) / (this.#ys[1] - this.#ys[0])) * (height - BOTTOM - TOP);
    this.#drawAxes(pen, x, y, width, height, colour);
    if (this.#range) {
      pen.fillStyle = colour["loop-area"];
      pen.fillRect(x(this.#range[0]), TOP, Math.max(2, x(this.#range[1]) - x(this.#range[0])), height - TOP - BOTTOM);
    }
    const { episode_id: ids, total_reward: returns, recorded } = this.#curve;
    pen.fillStyle = colour["curve-dot"];
    ids.forEach((id, point) => Number.isFinite(returns[point]) && pen.fillRect(x(id) - 1, y(returns[point]) - 1, 2, 2));
    pen.strokeStyle = colour.reward;
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.beginPath();
    ids.forEach((id, point) => Number.isFinite(this.#mean[point]) && pen.lineTo(x(id), y(this.#mean[point])));
    pen.stroke();
    pen.fillStyle = colour.kept;
    ids.forEach((id, point) => {
      if (!recorded[point] || !Number.isFinite(returns[point])) return;
      pen.beginPath();
      pen.arc(x(id), y(returns[point]), point === this.#hovered ? 5 : 2.75, 0, 2 * Math.PI);
      pen.fill();
    });
  }

  #drawAxes(pen, x, y, width, height, colour) {
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
      pen.fillText(formatNumber(value, Math.abs(this.#ys[1] - this.#ys[0]) < 5 ? 1 : 0), LEFT - 8, y(value));
    }
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    for (const id of ticks(...this.#xs, Math.max(2, Math.floor(width / 110)))) {
      if (Number.isInteger(id)) pen.fillText(formatCount(id), Math.min(x(id), width - RIGHT - 14), height - 6);
    }
  }

  #idAt(event) {
    const { left, width } = this.#canvas.getBoundingClientRect();
    const share = (event.clientX - left - LEFT) / (width - LEFT - RIGHT);
    return Math.round(this.#xs[0] + Math.min(1, Math.max(0, share)) * (this.#xs[1] - this.#xs[0]));
  }

  #down(event) {
    if (!this.#curve || event.button > 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#dragFrom = { x: event.clientX, id: this.#idAt(event) };
  }

  #move(event) {
    if (!this.#curve?.episode_id.length) return;
    const drag = this.#dragFrom;
    if (drag && Math.abs(event.clientX - drag.x) >= SHORTEST_BRUSH) {
      const id = this.#idAt(event);
      this.showRange([Math.min(drag.id, id), Math.max(drag.id, id)]);
    }
    this.#tell(event);
  }

  #up(event) {
    const drag = this.#dragFrom;
    this.#dragFrom = null;
    if (!drag) return;
    if (Math.abs(event.clientX - drag.x) >= SHORTEST_BRUSH) this.#on.range(this.#range);
    else if (this.#hovered >= 0) this.#on.open(this.#curve.episode_id[this.#hovered]);
  }

  #leave() {
    this.#tip.hidden = true;
    this.#hovered = -1;
    this.#draw();
  }

  /** The recorded episode nearest to the pointer, told in a bubble. */
  #tell(event) {
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
    const { left, width } = this.#canvas.getBoundingClientRect();
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.transform = `translate(${Math.min(Math.max(event.clientX - left - half, 0), width - 2 * half)}px, 0)`;
  }
}

/** Mean of up to `2 * reach + 1` values around each; NaN and null count for nothing. */
export function movingMean(values, reach) {
  let sum = 0;
  let count = 0;
  const add = (index, sign) => {
    if (!Number.isFinite(values[index])) return;
    sum += sign * values[index];
    count += sign;
  };
  for (let index = 0; index < Math.min(reach, values.length); index++) add(index, 1);
  return values.map((_, index) => {
    add(index + reach, 1);
    add(index - reach - 1, -1);
    return count ? sum / count : NaN;
  });
}

function niceRange(low, high) {
  if (low > high) return [0, 1];
  if (low === high) return [low - 1, high + 1];
  const margin = (high - low) * 0.06;
  return [low - margin, high + margin];
}
