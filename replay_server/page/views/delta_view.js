/** Differences between two compared episodes at the current step. */

import { element, setText } from "../shell/dom.js";
import { formatChange, isNumber } from "../shell/numbers.js";

/** @import { StepView } from "../player/step_view.js" */

export class DeltaView {
  node = element("dl", { class: "panel delta", "aria-label": "Second episode minus first" });

  /** @type {Map<string, HTMLElement>} */
  #values = new Map();

  /**
   * Show the difference of two steps; null for a step that is not loaded.
   *
   * @param {?StepView} one
   * @param {?StepView} other
   * @param {string[]} meterNames
   */
  draw(one, other, meterNames) {
    this.#set("Return so far", difference(one?.returnSoFar, other?.returnSoFar));
    this.#set("Reward", difference(one?.reward, other?.reward));
    meterNames.forEach((name, meter) => this.#set(name, difference(one?.meters?.[meter], other?.meters?.[meter])));
  }

  /**
   * @param {string} name
   * @param {number} value
   */
  #set(name, value) {
    let node = this.#values.get(name);
    if (!node) {
      node = element("dd", { class: "number" });
      this.#values.set(name, node);
      this.node.append(element("div", {}, element("dt", {}, `Δ ${name}`), node));
    }
    setText(node, formatChange(value));
    node.dataset.direction = value > 0 ? "up" : value < 0 ? "down" : "none";
  }
}

/**
 * @param {?number|undefined} one
 * @param {?number|undefined} other
 */
const difference = (one, other) => (isNumber(one) && isNumber(other) ? other - one : NaN);
