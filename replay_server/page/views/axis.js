/** A horizontal axis: maps values to positions between two insets, and draws labels. */

import { formatNumber } from "../shell/numbers.js";
import { ticks } from "./scale.js";

/** Smaller ranges need a decimal in their labels. */
const SMALLEST_WHOLE_RANGE = 5;

export class Axis {
  low = 0;
  high = 1;

  /**
   * @param {number} left inset in CSS pixels
   * @param {number} right
   */
  constructor(left, right) {
    this.left = left;
    this.right = right;
  }

  /**
   * Set the values at its ends.
   *
   * @param {number} low
   * @param {number} high
   */
  span(low, high) {
    this.low = low;
    this.high = high;
  }

  /**
   * The position of a value on an element of this width.
   *
   * @param {number} value
   * @param {number} width
   */
  xOf(value, width) {
    return this.left + ((value - this.low) / (this.high - this.low)) * (width - this.left - this.right);
  }

  /**
   * The value at a pointer, clamped to the ends.
   *
   * @param {MouseEvent} event
   * @param {Element} node the element of the axis
   */
  valueAt(event, node) {
    const { left, width } = node.getBoundingClientRect();
    const share = (event.clientX - left - this.left) / (width - this.left - this.right);
    return this.low + Math.min(1, Math.max(0, share)) * (this.high - this.low);
  }

  /**
   * Draw round values below the axis.
   *
   * @param {CanvasRenderingContext2D} pen with its font and colour
   * @param {{width: number, height: number}} size of the canvas
   * @param {{apart: number, margin: number, textOf?: (value: number) => ?string}} labels their approximate distance;
   *   the minimum distance of their middle from the edges; the text of a value, null for none
   */
  drawLabels(pen, { width, height }, { apart, margin, textOf = (value) => formatTick(value, this.low, this.high) }) {
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    for (const value of ticks(this.low, this.high, Math.max(2, Math.floor(width / apart)))) {
      const text = textOf(value);
      if (text === null) continue;
      const inset = Math.max(margin, pen.measureText(text).width / 2);
      pen.fillText(text, Math.min(Math.max(this.xOf(value, width), inset), width - inset), height - 6);
    }
  }
}

/**
 * A round value between two bounds as text.
 *
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function formatTick(value, low, high) {
  return formatNumber(value, Math.abs(high - low) < SMALLEST_WHOLE_RANGE ? 1 : 0);
}
