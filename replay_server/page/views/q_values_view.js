/**
 * The Q-values from which the action was chosen: a bar each, the chosen one outlined, forbidden ones hatched. Or an
 * action's components.
 */

import { actionsOf, fieldsOf } from "../player/agent_row.js";
import { element, setText } from "../shell/dom.js";
import { DECIMALS } from "../shell/looks.js";
import { formatChange, formatNumber, isNumber } from "../shell/numbers.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";
import { nameDifferences, otherBar, placeOtherBar, showDifference } from "./difference.js";
import { arrowOf } from "./directions.js";
import { RowFold } from "./row_fold.js";

/** @import { StepView } from "../player/step_view.js" */
/** @import { Outline } from "../source/outline.js" */

/**
 * @typedef {{item: HTMLElement, fill: HTMLElement, outline: HTMLElement, value: HTMLElement, change: HTMLElement,
 *     state: HTMLElement}} Row
 */

export class QValuesView {
  node = element("section", { class: "panel q-values", "aria-label": "Q-values" });

  /** @type {Row[]} */
  #rows = [];
  #fold = new RowFold();
  /** @type {string[]} */
  #names = [];
  /** @type {string[]} */
  #labels = [];
  #low = 0;
  #high = 0;
  #title = element("h2");
  #list = element("div", { class: "rows", role: "list" });

  constructor() {
    this.node.append(this.#title, this.#list, this.#fold.button);
  }

  /**
   * @param {Outline} outline
   * @param {?import("../source/messages.js").Agent} agent whose values are shown, of several
   */
  open(outline, agent = null) {
    const fields = agent ? fieldsOf(outline.schema, agent) : outline.schema;
    const { names, labels } = actionsOf(outline, agent);
    const has = (/** @type {string} */ name) => fields.some((column) => column.name === name);
    this.#names = names;
    this.#labels = labels;
    this.#rows = [];
    this.#low = this.#high = 0;
    this.#list.replaceChildren();
    this.#fold.open([]);
    this.node.hidden =
      !has("q_values") && !has("action_masks") && !fields.some(({ name, shape }) => name === "action" && shape.length);
    const { title, meaning } = has("q_values") ? TERMS.q_values : TERMS.action;
    setText(explain(this.#title, meaning), title);
  }

  /** @param {StepView} step */
  draw({ qValues, masks, action, actionVector }) {
    const values = qValues ?? actionVector;
    const nRows = Math.max(values?.length ?? 0, masks?.length ?? 0, this.#rows.length);
    if (this.#rows.length < nRows) {
      while (this.#rows.length < nRows) this.#addRow(this.#rows.length, Boolean(qValues || masks));
      this.#fold.open(this.#rows.map(({ item }) => item));
    }
    this.#include(values);
    this.#rows.forEach((row, index) =>
      this.#drawRow(row, values?.[index], !masks || Boolean(masks[index]), index === action),
    );
    this.#fold.rank(this.#rows.map((_, index) => (index === action ? Infinity : weightOf(values?.[index]))));
  }

  /**
   * Show in each row how much it differs from another episode, and the other's bar as an outline, on one scale.
   *
   * @param {StepView} step
   * @param {StepView} other
   * @param {Outline} otherOutline
   */
  differ(step, other, { episodeId }) {
    if (!this.#title.querySelector(".against")) nameDifferences(this.#title, episodeId);
    const [own, others] = [step.qValues ?? step.actionVector, other.qValues ?? other.actionVector];
    if (this.#include(others)) this.draw(step);
    this.#rows.forEach(({ item, outline, change }, index) => {
      const value = others?.[index];
      showDifference(item, change, [own?.[index], value], (difference) => formatChange(difference, DECIMALS.q_value));
      placeOtherBar(outline, isNumber(value) ? [this.#zero, this.#zero + value / this.#spread] : null);
    });
  }

  /**
   * Widen the scale of the bars; returns whether it is wider now.
   *
   * @param {?ArrayLike<number>|undefined} values
   */
  #include(values) {
    const before = this.#spread;
    for (const value of Array.from(values ?? [])) {
      if (value < this.#low) this.#low = value;
      if (value > this.#high) this.#high = value;
    }
    return this.#spread !== before;
  }

  get #spread() {
    return this.#high - this.#low || 1;
  }

  /** Where zero is on a bar, as a share of its width. */
  get #zero() {
    return -this.#low / this.#spread;
  }

  /**
   * @param {Row} row
   * @param {number|undefined} number
   * @param {boolean} isAllowed
   * @param {boolean} isChosen
   */
  #drawRow({ item, fill, value, state }, number, isAllowed, isChosen) {
    const zero = this.#zero;
    const share = isNumber(number) ? number / this.#spread : 0;
    fill.style.transform = `translateX(${100 * (share < 0 ? zero + share : zero)}%) scaleX(${Math.abs(share)})`;
    item.classList.toggle("chosen", isChosen);
    item.classList.toggle("masked", !isAllowed);
    setText(value, formatNumber(number, DECIMALS.q_value));
    setText(state, `${isChosen ? ", chosen" : ""}${isAllowed ? "" : ", not allowed"}`);
  }

  /**
   * @param {number} index
   * @param {boolean} isAction
   */
  #addRow(index, isAction) {
    const name = (isAction ? this.#names[index] : null) ?? `${isAction ? "action" : "component"} ${index}`;
    const shown = (isAction ? this.#labels[index] : null) ?? name;
    const fill = element("span", { class: "bar-fill" });
    const outline = otherBar();
    const value = element("span", { class: "number" });
    const change = element("span", { class: "change" });
    const state = element("span", { class: "sr-only" });
    const label = element("span", { class: "name", title: name }, `${arrowOf(name)} ${shown}`.trim());
    const item = element(
      "div",
      { class: "row q-value", role: "listitem" },
      label,
      element("span", { class: "bar" }, fill, outline),
      value,
      change,
      state,
    );
    this.#rows.push({ item, fill, outline, value, change, state });
    this.#list.append(item);
  }
}

/** @param {number|undefined} value */
const weightOf = (value) => (isNumber(value) ? value : -Number.MAX_VALUE);
