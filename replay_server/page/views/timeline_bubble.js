/** The bubble at the pointer on the timeline: what is there, in words and as a picture. */

import { element, setText } from "../shell/dom.js";
import { MARKER_WORDS } from "../shell/looks.js";
import { formatCount, formatNumber } from "../shell/numbers.js";
import { placeBubble } from "./pointer.js";

/** @import { Marker, Outline } from "../source/outline.js" */

/**
 * What is under a pointer.
 *
 * @typedef {object} Pointed
 * @property {Outline} outline
 * @property {number} index of the nearest step
 * @property {number} number step number, fractional
 * @property {?Marker} marker within reach
 */

export class TimelineBubble {
  node;

  #text = element("div", { class: "bubble-text" });
  #stage = element("div", { class: "bubble-stage" });
  #strip;
  #draw;
  /**
   * The last move of the pointer, shown with the next frame.
   *
   * @type {?PointerEvent}
   */
  #moved = null;

  /**
   * @param {HTMLElement} strip that the pointer moves on
   * @param {(index: ?number, stage: HTMLElement) => void} draw draws a step into the bubble, null when the pointer leaves
   */
  constructor(strip, draw) {
    this.#strip = strip;
    this.#draw = draw;
    this.node = element("div", { class: "bubble", hidden: true, "aria-hidden": "true" }, this.#stage, this.#text);
  }

  /**
   * Show what is at the pointer with the next frame.
   *
   * @param {PointerEvent} event
   * @param {(event: PointerEvent) => ?Pointed} at
   */
  follow(event, at) {
    const isQueued = this.#moved !== null;
    this.#moved = event;
    if (isQueued) return;
    requestAnimationFrame(() => {
      const pointed = this.#moved && at(this.#moved);
      if (this.#moved && pointed) this.#show(this.#moved, pointed);
      this.#moved = null;
    });
  }

  /** Show nothing for the last move. */
  forget() {
    this.#moved = null;
  }

  hide() {
    this.#moved = null;
    this.node.hidden = true;
    this.#draw(null, this.#stage);
  }

  /**
   * @param {PointerEvent} event
   * @param {Pointed} pointed
   */
  #show(event, { outline, index, number, marker }) {
    const gap = outline.gaps.find(({ firstStep, endStep }) => number >= firstStep && number < (endStep ?? Infinity));
    const lines = gap
      ? [
          `Steps ${formatCount(gap.firstStep)} to ${gap.endStep === null ? "?" : formatCount(gap.endStep - 1)} are missing (${gap.reason})`,
        ]
      : [
          `Step ${formatCount(outline.table.numberOf(index))}`,
          `Return so far ${formatNumber(returnAt(outline, index))}`,
        ];
    if (marker) lines.push(`${MARKER_WORDS[marker.kind].sign} ${marker.label}`);
    setText(this.#text, lines.join("\n"));
    this.node.hidden = false;
    this.#draw(gap ? null : (marker?.index ?? index), this.#stage);
    placeBubble(this.node, this.#strip, event, "-100%");
  }
}

/**
 * The return at the last sample before a step.
 *
 * @param {Outline} outline
 * @param {number} index
 */
function returnAt({ overview: { index: samples, cumulative_reward: returns } }, index) {
  const after = samples.findIndex((sample) => sample >= index);
  return returns.at(after) ?? NaN;
}
