/**
 * The learning curve of a run: a point for each episode, discs for the recorded ones, a moving mean, and the means of
 * other runs. Drag to select a range of episodes; click a disc to open its episode.
 */

import { CanvasObserver, prepareCanvas } from "../shell/canvas.js";
import { element } from "../shell/dom.js";
import { cutName } from "../shell/names.js";
import { formatCount } from "../shell/numbers.js";
import { colours, onThemeChange } from "../shell/theme.js";
import { explain } from "../shell/tips.js";
import { measureOf } from "../shell/measures.js";
import { Axis } from "./axis.js";
import { CurveBubble } from "./curve_bubble.js";
import { nearestPoint, niceRange, smoothed, stageStarts } from "./curve_points.js";
import * as drawing from "./curve_drawing.js";
import { watchPointer } from "./pointer.js";
import { OVER_COLOURS } from "./run_list.js";

/** @import { Curve, Highlight } from "../source/api.js" */

/**
 * @typedef {object} ShownCurve
 * @property {string} runId
 * @property {Curve} curve
 * @property {number} nEpisodes
 */

/** Shorter drags are clicks, in CSS pixels. */
const SHORTEST_BRUSH = 5;

export class CurveView {
  node;

  #canvas = element("canvas", { class: "curve-canvas", role: "img" });
  #bubble = new CurveBubble();
  #title = element("h2");
  #key = element("p", { class: "key" });
  /** @type {?ShownCurve} */
  #shown = null;
  #measure = "return";
  /** @type {number[]} */
  #mean = [];
  /** @type {{color: number, ids: number[], mean: number[]}[]} */
  #others = [];
  /** @type {Highlight[]} */
  #highlights = [];
  /** @type {?[number, number]} */
  #range = null;
  #xs = new Axis(drawing.INSETS.left, drawing.INSETS.right);
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
   * @param {HTMLElement} choice of the measure
   */
  constructor(on, choice) {
    this.#on = on;
    watchPointer(this.#canvas, {
      isReady: () => Boolean(this.#shown?.curve.episode_id.length),
      begin: (event) => (this.#dragFrom = { x: event.clientX, id: this.#idAt(event) }),
      move: (event, isDragging) => this.#move(event, isDragging),
      end: (event) => this.#end(event),
      leave: () => this.#leave(),
    });
    this.node = element(
      "div",
      { class: "curve chart" },
      element("header", { class: "chart-head" }, this.#title, this.#key, choice),
      this.#canvas,
      this.#bubble.node,
    );
    this.#observer.observe(this.#canvas);
  }

  /**
   * @param {ShownCurve} shown
   * @param {{measure: string, highlights: Highlight[], others: ShownCurve[]}} more
   */
  show(shown, { measure, highlights, others }) {
    this.#shown = shown;
    this.#measure = measure;
    this.#highlights = highlights;
    const { mean, nAveraged } = smoothed(shown.curve, shown.nEpisodes);
    this.#mean = mean;
    this.#others = others.map(({ curve, nEpisodes }, number) => ({
      color: OVER_COLOURS[number],
      ids: curve.episode_id,
      mean: smoothed(curve, nEpisodes).mean,
    }));
    const ids = shown.curve.episode_id;
    const [first = 0] = ids;
    const last = Math.max(ids.at(-1) ?? 0, ...this.#others.map((other) => other.ids.at(-1) ?? 0));
    this.#xs.span(Math.min(first, ...this.#others.map((other) => other.ids[0] ?? first)), Math.max(last, first + 1));
    this.#ys = niceRange([shown.curve.value, ...this.#others.map((other) => other.mean)]);
    const { title, meaning } = measureOf(measure);
    this.#title.textContent = `${title} by episode`;
    explain(this.#title, meaning);
    this.#canvas.setAttribute("aria-label", `${title} of every episode of the run`);
    this.#writeKey(nAveraged, others);
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

  /**
   * @param {number} nAveraged
   * @param {ShownCurve[]} others
   */
  #writeKey(nAveraged, others) {
    const isWhole = this.#shown?.curve.recorded.every(Boolean);
    this.#key.replaceChildren(
      element("span", { class: "key-kept" }, "kept"),
      ...(isWhole ? [] : [element("span", { class: "key-skipped" }, "not kept")]),
      element("span", { class: "key-mean" }, `mean of ${formatCount(nAveraged)} episodes`),
      ...others.map(({ runId }, number) => {
        const name = element("span", { class: "key-other" }, cutName(runId || "(no run)"));
        name.style.setProperty("--colour", `var(--kind-${OVER_COLOURS[number]})`);
        return name;
      }),
    );
  }

  #plot() {
    const { context: pen, width, height } = prepareCanvas(this.#canvas);
    return {
      pen,
      size: { width, height },
      colour: colours(),
      xs: this.#xs,
      ys: this.#ys,
      ...this.#axes(width, height),
    };
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #axes(width, height) {
    const { top, bottom } = drawing.INSETS;
    const [low, high] = this.#ys;
    return {
      x: (/** @type {number} */ id) => this.#xs.xOf(id, width),
      y: (/** @type {number} */ value) => height - bottom - ((value - low) / (high - low)) * (height - bottom - top),
    };
  }

  #draw() {
    const plot = this.#plot();
    if (!this.#shown || plot.size.width === 0) return;
    const { curve } = this.#shown;
    const { title, unit } = measureOf(this.#measure);
    drawing.drawAxes(plot, unit && unit !== "steps" ? `${title} (${unit})` : title);
    drawing.drawStages(plot, stageStarts(curve));
    if (this.#range) drawing.drawRange(plot, this.#range);
    drawing.drawSkipped(plot, curve);
    for (const { color, ids, mean } of this.#others) drawing.drawMean(plot, ids, mean, plot.colour[`kind-${color}`]);
    drawing.drawMean(plot, curve.episode_id, this.#mean, plot.colour.reward);
    drawing.drawKept(plot, curve);
    drawing.drawRings(
      plot,
      [...new Set(this.#highlights.map(({ episode }) => episode.episode_id))].flatMap((id) => {
        const titles = this.#highlights.filter(({ episode }) => episode.episode_id === id);
        const name = titles.map((highlight) => highlight.title).join(", ");
        const { value } = titles[0];
        return value === null ? [] : [{ name, x: plot.x(id), y: plot.y(value) }];
      }),
    );
    if (this.#hovered >= 0) drawing.drawRing(plot, this.#pointAt(this.#hovered, plot));
  }

  /**
   * @param {number} point
   * @param {{x: (id: number) => number, y: (value: number) => number}} axes
   */
  #pointAt(point, { x, y }) {
    const { episode_id: ids, value } = /** @type {ShownCurve} */ (this.#shown).curve;
    return { x: x(ids[point]), y: y(value[point] ?? 0) };
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
    else if (this.#shown && this.#hovered >= 0 && this.#shown.curve.recorded[this.#hovered])
      this.#on.open(this.#shown.curve.episode_id[this.#hovered]);
  }

  /** @param {PointerEvent} event */
  #isBrush(event) {
    return Math.abs(event.clientX - this.#dragFrom.x) >= SHORTEST_BRUSH;
  }

  #leave() {
    this.#bubble.node.hidden = true;
    this.#hovered = -1;
    this.#draw();
  }

  /** @param {PointerEvent} event */
  #tell(event) {
    if (!this.#shown) return;
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const axes = this.#axes(width, height);
    const point = nearestPoint(this.#shown.curve, { x: event.clientX - left, y: event.clientY - top }, axes);
    const isOther = point !== this.#hovered;
    this.#hovered = point;
    this.#draw();
    this.#bubble.node.hidden = point < 0;
    this.#canvas.style.cursor = point >= 0 && this.#shown.curve.recorded[point] ? "pointer" : "";
    if (point < 0) return;
    if (isOther) this.#bubble.fill(this.#shown, point, this.#measure);
    this.#bubble.place(this.#pointAt(point, axes), this.#canvas);
  }
}
