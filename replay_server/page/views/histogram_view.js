/**
 * How the returns of the chosen episodes are spread: a bar for all of them, the recorded ones in front. Dragging across
 * it, or a click on a bar, chooses a range of returns.
 */

import { CanvasObserver, prepareCanvas } from "../shell/canvas.js";
import { element, setText } from "../shell/dom.js";
import { formatCount, formatCountOf, formatNumber } from "../shell/numbers.js";
import { colours, onThemeChange } from "../shell/theme.js";
import { binOf, binned, countIn, ticks } from "./scale.js";

const LEFT = 8;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 22;
const N_BINS = 24;

export class HistogramView {
  node;

  #canvas = element("canvas", { class: "histogram-canvas", role: "img" });
  #tip = element("div", { class: "bubble", hidden: true, "aria-hidden": "true" });
  #edges = [];
  #counts = [];
  #recorded = [];
  #range = [null, null];
  #dragFrom = null;
  #on;
  #observer = new CanvasObserver(() => this.#draw());
  #stopTheme = onThemeChange(() => this.#draw());

  /** @param {{range: function([?number, ?number]): void}} on a range of returns was chosen, nulls for all */
  constructor(on) {
    this.#on = on;
    this.#canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.#canvas.addEventListener("pointerup", (event) => this.#up(event));
    this.#canvas.addEventListener("pointerleave", () => (this.#tip.hidden = true));
    this.node = element("div", { class: "histogram" }, this.#canvas, this.#tip);
    this.#observer.observe(this.#canvas);
  }

  /**
   * Show returns.
   *
   * @param {{total: number, isRecorded: boolean}[]} episodes
   */
  show(episodes) {
    const { edges, counts } = binned(
      episodes.map(({ total }) => total),
      N_BINS,
    );
    const recorded = episodes.filter(({ isRecorded }) => isRecorded).map(({ total }) => total);
    [this.#edges, this.#counts, this.#recorded] = [edges, counts, countIn(edges, recorded)];
    const most = counts.indexOf(Math.max(...counts));
    this.#canvas.setAttribute(
      "aria-label",
      counts.length
        ? `Returns of ${formatCountOf(episodes.length, "episode")}, from ${edges[0]} to ${edges.at(-1)}; ` +
            `most of them, ${counts[most]}, from ${edges[most]} to ${edges[most + 1]}`
        : "No returns",
    );
    this.#draw();
  }

  /** Show which range of returns is chosen, `[low, high]`; null for an open end. */
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
    if (!this.#counts.length || width === 0) return;
    const colour = colours();
    const [low, high] = [this.#edges[0], this.#edges.at(-1)];
    const x = (value) => LEFT + ((value - low) / (high - low)) * (width - LEFT - RIGHT);
    const unit = (height - TOP - BOTTOM) / Math.max(...this.#counts);
    if (this.#range.some((end) => end !== null)) {
      const [from, to] = [Math.max(low, this.#range[0] ?? low), Math.min(high, this.#range[1] ?? high)];
      pen.fillStyle = colour["loop-area"];
      pen.fillRect(x(from), TOP, Math.max(2, x(to) - x(from)), height - TOP - BOTTOM);
    }
    this.#edges.slice(1).forEach((edge, bin) => {
      const left = x(this.#edges[bin]) + 0.5;
      const bar = (n) => pen.fillRect(left, height - BOTTOM - n * unit, Math.max(1, x(edge) - left - 0.5), n * unit);
      pen.fillStyle = colour["curve-dot"];
      bar(this.#counts[bin]);
      pen.fillStyle = colour.kept;
      bar(this.#recorded[bin]);
    });
    pen.fillStyle = colour.line;
    pen.fillRect(LEFT, height - BOTTOM, width - LEFT - RIGHT, 1);
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = colour.muted;
    pen.textAlign = "center";
    for (const value of ticks(low, high, Math.max(2, Math.floor(width / 70))))
      pen.fillText(
        formatNumber(value, high - low < 5 ? 1 : 0),
        Math.min(Math.max(x(value), 16), width - 16),
        height - 6,
      );
  }

  #binAt(event) {
    const { left, width } = this.#canvas.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left - LEFT) / (width - LEFT - RIGHT)));
    return binOf(this.#edges, this.#edges[0] + share * (this.#edges.at(-1) - this.#edges[0]));
  }

  /** From where the drag began to where it is, in whole bins. */
  #dragged(event) {
    const bins = [this.#dragFrom, this.#binAt(event)];
    return [this.#edges[Math.min(...bins)], this.#edges[Math.max(...bins) + 1]];
  }

  #down(event) {
    if (!this.#counts.length || event.button > 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#dragFrom = this.#binAt(event);
  }

  #move(event) {
    if (!this.#counts.length) return;
    if (this.#dragFrom !== null && this.#binAt(event) !== this.#dragFrom) this.showRange(this.#dragged(event));
    this.#tell(event);
  }

  #up(event) {
    if (this.#dragFrom === null) return;
    const range = this.#dragged(event);
    const isClick = this.#binAt(event) === this.#dragFrom;
    const wasChosen = range.every((end, side) => end === this.#range[side]);
    this.#dragFrom = null;
    this.#on.range(isClick && wasChosen ? [null, null] : range);
  }

  #tell(event) {
    const bin = this.#binAt(event);
    const [from, to] = [this.#edges[bin], this.#edges[bin + 1]];
    setText(
      this.#tip,
      `Return ${from} to ${to}\n${formatCountOf(this.#counts[bin], "episode")}, ${formatCount(this.#recorded[bin])} recorded`,
    );
    this.#tip.hidden = false;
    const { left, width } = this.#canvas.getBoundingClientRect();
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.transform = `translate(${Math.min(Math.max(event.clientX - left - half, 0), Math.max(0, width - 2 * half))}px, 0)`;
  }
}
