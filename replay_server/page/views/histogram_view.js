/**
 * How a measure is distributed over the selected episodes, with the recorded ones in front. Drag, or click a bar, to
 * select a range of returns.
 */

import { CanvasObserver, prepareCanvas } from "../shell/canvas.js";
import { element, setText } from "../shell/dom.js";
import { formatCount, formatCountOf } from "../shell/numbers.js";
import { colours, onThemeChange } from "../shell/theme.js";
import { Axis } from "./axis.js";
import { placeBubble, watchPointer } from "./pointer.js";
import { binOf, binned, countIn } from "./scale.js";

/** @typedef {[least: ?number, greatest: ?number]} ReturnRange null for an open end */

const LEFT = 34;
const RIGHT = 8;
const TOP = 26;
const BOTTOM = 38;
const N_BINS = 24;

export class HistogramView {
  node;

  #canvas = element("canvas", { class: "histogram-canvas", role: "img" });
  #tip = element("div", { class: "bubble", hidden: true, "aria-hidden": "true" });
  /** @type {number[]} */
  #edges = [];
  /** @type {number[]} */
  #counts = [];
  /** @type {number[]} */
  #recorded = [];
  /** @type {ReturnRange} */
  #range = [null, null];
  #xs = new Axis(LEFT, RIGHT);
  /** The bin where the drag began. */
  #dragFrom = 0;
  #name = "Return";
  /** Whether a range can be selected: lists filter by the return only. */
  #canSelect = true;
  #title = element("h2");
  #on;
  #observer = new CanvasObserver(() => this.#draw());
  #stopTheme = onThemeChange(() => this.#draw());

  /** @param {{range: function(ReturnRange): void}} on a range of returns was chosen, nulls for all */
  constructor(on) {
    this.#on = on;
    watchPointer(this.#canvas, {
      isReady: () => this.#counts.length > 0,
      begin: (event) => (this.#dragFrom = this.#binAt(event)),
      move: (event, isDragging) => this.#move(event, isDragging),
      end: (event) => this.#end(event),
      leave: () => (this.#tip.hidden = true),
    });
    this.node = element(
      "div",
      { class: "histogram chart" },
      element(
        "header",
        { class: "chart-head" },
        this.#title,
        element(
          "p",
          { class: "key" },
          element("span", { class: "key-kept key-bar" }, "kept"),
          element("span", { class: "key-skipped key-bar" }, "not kept"),
        ),
      ),
      this.#canvas,
      this.#tip,
    );
    this.#observer.observe(this.#canvas);
  }

  /**
   * @param {{total: ?number, isRecorded: boolean}[]} episodes
   * @param {{title: string, isReturn: boolean}} measure
   */
  show(episodes, { title, isReturn }) {
    [this.#name, this.#canSelect] = [title, isReturn];
    this.#title.textContent = `Episodes by ${title.toLowerCase()}`;
    this.#canvas.style.cursor = isReturn ? "" : "default";
    const { edges, counts } = binned(
      episodes.map(({ total }) => total),
      N_BINS,
    );
    const recorded = episodes.filter(({ isRecorded }) => isRecorded).map(({ total }) => total);
    [this.#edges, this.#counts, this.#recorded] = [edges, counts, countIn(edges, recorded)];
    this.#xs.span(edges[0] ?? 0, edges.at(-1) ?? 1);
    const most = counts.indexOf(Math.max(...counts));
    this.#canvas.setAttribute(
      "aria-label",
      counts.length
        ? `${title} of ${formatCountOf(episodes.length, "episode")}, from ${edges[0]} to ${edges.at(-1)}; ` +
            `most of them, ${counts[most]}, from ${edges[most]} to ${edges[most + 1]}`
        : `${title}: nothing known`,
    );
    this.#draw();
  }

  /** @param {ReturnRange} range */
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
    if (!this.#counts.length || width === 0) return;
    const colour = colours();
    const { low, high } = this.#xs;
    /** @param {number} value */
    const x = (value) => this.#xs.xOf(value, width);
    const unit = (height - TOP - BOTTOM) / Math.max(...this.#counts);
    if (this.#range.some((end) => end !== null)) {
      const [from, to] = [Math.max(low, this.#range[0] ?? low), Math.min(high, this.#range[1] ?? high)];
      pen.fillStyle = colour["loop-area"];
      pen.fillRect(x(from), TOP, Math.max(2, x(to) - x(from)), height - TOP - BOTTOM);
    }
    this.#edges.slice(1).forEach((edge, bin) => {
      const left = x(this.#edges[bin]) + 0.5;
      /** @param {number} n */
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
    this.#xs.drawLabels(pen, { width, height: height - 16 }, { apart: 70, margin: 16 });
    pen.fillText(this.#name, LEFT + (width - LEFT - RIGHT) / 2, height - 5);
    pen.textAlign = "left";
    pen.fillText("Episodes", 4, TOP - 9);
    pen.textAlign = "right";
    const most = Math.max(...this.#counts);
    pen.fillText(formatCount(most), LEFT - 4, TOP + 4);
    pen.fillText("0", LEFT - 4, height - BOTTOM);
  }

  /** @param {PointerEvent} event */
  #binAt(event) {
    return binOf(this.#edges, this.#xs.valueAt(event, this.#canvas));
  }

  /**
   * The range from the start of the drag to its end, in whole bins.
   *
   * @param {PointerEvent} event
   * @returns {[number, number]}
   */
  #dragged(event) {
    const bins = [this.#dragFrom, this.#binAt(event)];
    return [this.#edges[Math.min(...bins)], this.#edges[Math.max(...bins) + 1]];
  }

  /**
   * @param {PointerEvent} event
   * @param {boolean} isDragging
   */
  #move(event, isDragging) {
    if (isDragging && this.#canSelect && this.#binAt(event) !== this.#dragFrom) this.showRange(this.#dragged(event));
    this.#tell(event);
  }

  /** @param {PointerEvent} event */
  #end(event) {
    if (!this.#canSelect) return;
    const range = this.#dragged(event);
    const isClick = this.#binAt(event) === this.#dragFrom;
    const wasChosen = range.every((end, side) => end === this.#range[side]);
    this.#on.range(isClick && wasChosen ? [null, null] : range);
  }

  /** @param {PointerEvent} event */
  #tell(event) {
    const bin = this.#binAt(event);
    const [from, to] = [this.#edges[bin], this.#edges[bin + 1]];
    setText(
      this.#tip,
      `${this.#name} ${from} to ${to}\n${formatCountOf(this.#counts[bin], "episode")}, ${formatCount(this.#recorded[bin])} kept`,
    );
    this.#tip.hidden = false;
    placeBubble(this.#tip, this.#canvas, event);
  }
}
