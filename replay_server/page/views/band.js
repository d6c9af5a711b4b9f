/** A column of many numbers over time: one line of pixels per number, more opaque for higher values in its range. */

import { penOf } from "../shell/canvas.js";

/** @import { Part } from "./signals.js" */
/** @import { Rectangle } from "./space.js" */

/** Wider columns show evenly spaced numbers. */
const MAX_LINES = 128;

const FAINTEST = 0.04;
const STILL_TO_COME = 0.4;

export class Band {
  #column;
  #first;
  #nValues;
  #apart;
  #low;
  #high;
  #picture = document.createElement("canvas");

  /** @param {Pick<import("./signals.js").Signal, "source" | "first" | "nValues">} signal */
  constructor({ source, first, nValues }) {
    this.#column = source;
    this.#first = first;
    this.#nValues = nValues;
    this.#apart = Math.ceil(nValues / MAX_LINES);
    const nLines = Math.ceil(nValues / this.#apart);
    this.#low = new Float64Array(nLines).fill(Infinity);
    this.#high = new Float64Array(nLines).fill(-Infinity);
  }

  /**
   * The numbers of the steps from `first` to `end`: all lines of a step side by side, NaN where missing. Each line's
   * range grows with new values and never shrinks.
   *
   * @param {Part[]} parts
   * @param {number} first
   * @param {number} end
   */
  read(parts, first, end) {
    const nLines = this.#low.length;
    const values = new Float64Array((end - first) * nLines).fill(NaN);
    for (const { firstIndex, chunk } of parts) {
      const column = chunk.column(this.#column);
      if (!column) continue;
      const last = Math.min(end, firstIndex + chunk.nSteps);
      for (let index = Math.max(first, firstIndex); index < last; index++) {
        const row = column.rowOf ? column.rowOf[index - firstIndex] : index - firstIndex;
        for (let line = 0; row >= 0 && line < nLines && line * this.#apart < this.#nValues; line++) {
          const at = this.#first + line * this.#apart;
          const value = at < column.nValues ? column.values[row * column.nValues + at] : NaN;
          values[(index - first) * nLines + line] = value;
          if (value < this.#low[line] && value > -Infinity) this.#low[line] = value;
          if (value > this.#high[line] && value < Infinity) this.#high[line] = value;
        }
      }
    }
    return values;
  }

  /**
   * Draw what `read` returned; steps after the one at `at` are faint.
   *
   * @param {CanvasRenderingContext2D} pen
   * @param {Float64Array} values
   * @param {Rectangle} place
   * @param {string} tint
   * @param {number} at
   */
  draw(pen, values, { left, top, width, height }, tint, at) {
    const nLines = this.#low.length;
    const nSteps = values.length / nLines;
    this.#picture.width = nSteps;
    this.#picture.height = nLines;
    const brush = penOf(this.#picture);
    const image = brush.createImageData(nSteps, nLines);
    for (let step = 0; step < nSteps; step++)
      for (let line = 0; line < nLines; line++) {
        const share = this.#share(values[step * nLines + line], line) * (step > at ? STILL_TO_COME : 1);
        image.data[4 * (line * nSteps + step) + 3] = 255 * share;
      }
    brush.putImageData(image, 0, 0);
    brush.globalCompositeOperation = "source-in"; // the tint, with the opacity of the picture
    brush.fillStyle = tint;
    brush.fillRect(0, 0, nSteps, nLines);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.#picture, left, top, width, height);
  }

  /**
   * @param {number} value
   * @param {number} line
   */
  #share(value, line) {
    if (Number.isNaN(value)) return 0;
    const spread = this.#high[line] - this.#low[line];
    const share = spread > 0 ? (value - this.#low[line]) / spread : 0.5;
    return FAINTEST + (1 - FAINTEST) * Math.min(1, Math.max(0, share));
  }
}
