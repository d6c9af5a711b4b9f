/**
 * What an episode without positions has in the place of a grid: its meters and rewards over the last steps, as curves.
 */

import { isSharp, prepareCanvas } from "../shell/canvas.js";
import { element } from "../shell/dom.js";
import { colours, onThemeChange } from "../shell/theme.js";

/** Steps that are shown. */
export const HISTORY_STEPS = 200;

const LABEL_WIDTH = 92;

export class HistoryView {
  node;

  #canvas = element("canvas", {
    class: "history-canvas",
    role: "img",
    "aria-label": "Meters and reward over the last steps",
  });
  #names = [];
  #last = null;
  #observer = new ResizeObserver(() => isSharp(this.#canvas) || this.#refresh());
  #stopTheme = onThemeChange(() => this.#refresh());

  constructor() {
    this.node = element("div", { class: "history" }, this.#canvas);
    this.#observer.observe(this.#canvas);
  }

  /** Show another episode. */
  open({ meterNames }) {
    this.#names = ["reward", ...meterNames];
  }

  /** Draw the steps up to the one that is shown, which comes last. */
  draw(steps) {
    this.#last = steps;
    const { context: pen, width, height } = prepareCanvas(this.#canvas);
    const colour = colours();
    const rowHeight = height / this.#names.length;
    pen.font = "500 12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    this.#names.forEach((name, row) => {
      const values = steps.map((step) => (row === 0 ? step.reward : step.meters?.[row - 1]) ?? NaN);
      const tint = row === 0 ? colour.reward : colour[`kind-${((row - 1) % 12) + 1}`];
      drawRow(pen, values, {
        top: row * rowHeight,
        width,
        height: rowHeight,
        colour,
        tint,
        range: row === 0 ? null : [0, 1],
      });
      pen.fillStyle = colour.text;
      pen.fillText(name, 0, (row + 0.5) * rowHeight, LABEL_WIDTH - 10);
    });
  }

  /** Give everything back. */
  close() {
    this.#observer.disconnect();
    this.#stopTheme();
  }

  #refresh() {
    if (this.#last) this.draw(this.#last);
  }
}

function drawRow(pen, values, { top, width, height, colour, tint, range }) {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), range?.[0] ?? Infinity);
  const high = finite.reduce((most, value) => Math.max(most, value), range?.[1] ?? -Infinity);
  const spread = high > low ? high - low : 1;
  const margin = Math.min(6, height / 5);
  pen.strokeStyle = colour.line;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(LABEL_WIDTH, Math.round(top + height - margin) + 0.5);
  pen.lineTo(width, Math.round(top + height - margin) + 0.5);
  pen.stroke();
  pen.strokeStyle = tint;
  pen.lineWidth = 1.75;
  pen.lineJoin = "round";
  pen.beginPath();
  values.forEach((value, step) => {
    if (!Number.isFinite(value)) return;
    const x = LABEL_WIDTH + ((step + HISTORY_STEPS - values.length) / (HISTORY_STEPS - 1)) * (width - LABEL_WIDTH - 4);
    pen.lineTo(x, top + height - margin - ((value - low) / spread) * (height - 2 * margin));
  });
  pen.stroke();
}
