/** The filters above the table of episodes. */

import { element } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { formatCount } from "../shell/numbers.js";

/** @import { ReturnRange } from "./histogram_view.js" */

/** Delay after typing before a filter is applied. */
const TYPING_MILLIS = 250;

const STATUSES = ["complete", "truncated", "salvaged"];

export class FilterBar {
  node;

  #stage = select("Stage", option("", "any stage"));
  #status = select("Status", option("", "any status"), ...STATUSES.map((status) => option(status, status)));
  #reason = input("Reason", "reason, e.g. top_*", "search");
  #least = input("Minimum return", "return from", "number");
  #most = input("Maximum return", "to", "number");
  #range = element("button", { type: "button", class: "chip removable", hidden: true });
  #clear = element("button", { type: "button", class: "button", hidden: true }, "Clear");
  #timer = 0;
  #on;

  /** @param {{change: function(): void, clearRange: function(): void}} on */
  constructor(on) {
    this.#on = on;
    this.#range.addEventListener("click", () => on.clearRange());
    this.#clear.addEventListener("click", () => this.clear());
    this.node = element(
      "form",
      {
        class: "filters",
        role: "search",
        "aria-label": "Filter episodes",
        on: {
          submit: (/** @type {SubmitEvent} */ event) => event.preventDefault(),
          input: () => {
            clearTimeout(this.#timer);
            this.#timer = setTimeout(() => this.#changed(), TYPING_MILLIS);
          },
        },
      },
      this.#stage,
      this.#status,
      this.#reason,
      this.#least,
      this.#most,
      this.#range,
      this.#clear,
    );
  }

  /** The filters by the server's names; empty ones do not filter. */
  get values() {
    const reason = this.#reason.value.trim();
    return {
      stage: this.#stage.value,
      status: this.#status.value,
      reason: reason && !/[*?[]/.test(reason) ? `*${reason}*` : reason,
      min_return: this.#least.value,
      max_return: this.#most.value,
    };
  }

  /**
   * The range of returns.
   *
   * @returns {ReturnRange}
   */
  get returns() {
    return [numberIn(this.#least), numberIn(this.#most)];
  }

  /** @param {ReturnRange} range */
  chooseReturns([least, greatest]) {
    this.#least.value = String(least ?? "");
    this.#most.value = String(greatest ?? "");
    this.#changed();
  }

  /** @param {number[]} stages */
  offerStages(stages) {
    const before = this.#stage.value;
    this.#stage.replaceChildren(
      option("", "any stage"),
      ...stages.map((stage) => option(String(stage), `stage ${stage}`)),
    );
    this.#stage.value = stages.map(String).includes(before) ? before : "";
  }

  /**
   * Show the range of episodes selected on the curve; null for all.
   *
   * @param {?[number, number]} range
   */
  showRange(range) {
    this.#range.hidden = range === null;
    if (range)
      this.#range.replaceChildren(`episodes ${formatCount(range[0])} to ${formatCount(range[1])}`, icon("close"));
    this.#range.setAttribute("aria-label", "Clear the selected range");
  }
  clear() {
    for (const field of [this.#stage, this.#status, this.#reason, this.#least, this.#most]) field.value = "";
    this.#on.clearRange();
    this.#changed();
  }

  focus() {
    this.#reason.focus();
  }

  #changed() {
    this.#clear.hidden = !Object.values(this.values).some(Boolean);
    this.#on.change();
  }
}

/** @param {HTMLInputElement} field */
const numberIn = ({ value }) => (value === "" ? null : Number(value));

/**
 * @param {string} value
 * @param {string} name
 */
const option = (value, name) => element("option", { value }, name);

/**
 * @param {string} label
 * @param {...HTMLOptionElement} options
 */
function select(label, ...options) {
  return element("select", { class: "select", "aria-label": label }, ...options);
}

/**
 * @param {string} label
 * @param {string} placeholder
 * @param {string} type
 */
function input(label, placeholder, type) {
  return element("input", { class: `input filter-${type}`, type, placeholder, "aria-label": label, step: "any" });
}
