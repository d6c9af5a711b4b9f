/** The axes of the timeline, over step numbers: of the part that it shows, and of the whole episode. Pure. */

import { Axis } from "./axis.js";

/** @import { Outline } from "../source/outline.js" */

/** Steps that the timeline shows at least. */
const LEAST_STEPS = 20;

/** Factor of one step of the wheel or one key. */
const FACTOR = 1.3;

export class TimelineWindow {
  /** First and last step number of the episode. */
  #first = 0;
  #last = 1;
  /**
   * The shown part; null for the whole episode.
   *
   * @type {?[low: number, high: number]}
   */
  #shown = null;

  /**
   * Set the ends of the episode. The shown part stays if it can.
   *
   * @param {number} first
   * @param {number} last
   */
  setEnds(first, last) {
    this.#first = first;
    this.#last = last;
    if (this.#shown) this.#show(...this.#shown);
  }

  /** Show the whole episode. */
  reset() {
    this.#shown = null;
  }

  get isZoomed() {
    return this.#shown !== null;
  }

  /** First and last step number that are shown. */
  get ends() {
    return this.#shown ?? [this.#first, this.#last];
  }

  /**
   * Zoom and keep a step number in its place.
   *
   * @param {number} steps positive to zoom in
   * @param {number} number
   */
  zoom(steps, number) {
    const [low, high] = this.ends;
    const factor = FACTOR ** -steps;
    this.#show(number - (number - low) * factor, number + (high - number) * factor);
  }

  /**
   * Move the shown part, so that a step number is in its middle.
   *
   * @param {number} number
   */
  centre(number) {
    if (!this.#shown) return;
    const half = (this.#shown[1] - this.#shown[0]) / 2;
    this.#show(number - half, number + half);
  }

  /**
   * Move the shown part by a share of its width.
   *
   * @param {number} share
   */
  pan(share) {
    if (!this.#shown) return;
    const [low, high] = this.#shown;
    this.#show(low + share * (high - low), high + share * (high - low));
  }

  /**
   * Turn the page if a step number is not shown.
   *
   * @param {number} number
   * @returns {boolean} whether the shown part moved
   */
  reveal(number) {
    if (!this.#shown || (number >= this.#shown[0] && number <= this.#shown[1])) return false;
    const width = this.#shown[1] - this.#shown[0];
    const low = number > this.#shown[1] ? number - width / 10 : number - (9 * width) / 10;
    this.#show(low, low + width);
    return true;
  }

  /**
   * @param {number} low
   * @param {number} high
   */
  #show(low, high) {
    const whole = this.#last - this.#first;
    const width = Math.max(Math.min(LEAST_STEPS, whole), high - low);
    if (width >= whole) {
      this.#shown = null;
      return;
    }
    const start = Math.min(Math.max(low + (high - low - width) / 2, this.#first), this.#last - width);
    this.#shown = [start, start + width];
  }
}

/** Inset of an axis, so that markers at its ends are complete, in CSS pixels. */
const INSET = 7;

/** Share of the width for a gap of unknown length at the end. */
const OPEN_GAP_SHARE = 0.03;

export class TimelineAxes {
  window = new TimelineWindow();
  whole = new Axis(INSET, INSET);
  #shown = new Axis(INSET, INSET);

  /**
   * The axis of the shown part: the recorded steps, a gap after them, and some room for one of unknown length.
   *
   * @param {Outline} outline
   */
  shownOf({ table, gaps }) {
    const end = gaps.reduce(
      (reach, gap) => Math.max(reach, gap.endStep ?? gap.firstStep * (1 + OPEN_GAP_SHARE)),
      table.endStep,
    );
    const last = Math.max(1, end - 1);
    this.whole.span(0, last);
    this.window.setEnds(0, last);
    this.#shown.span(...this.window.ends);
    return this.#shown;
  }
}
