/** The filters above the table of episodes. */

import { element } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { formatCount } from "../shell/numbers.js";
import { WHOLE_LIST } from "../shell/share.js";
import { explain } from "../shell/tips.js";
import { STATUS_WORDS } from "../shell/words.js";

/** @import { ListState } from "../shell/share.js" */

/** Delay after typing before a filter is applied. */
const TYPING_MILLIS = 250;

/** Statuses that recordings have. */
const STATUSES = /** @type {const} */ (["complete", "truncated", "salvaged"]);

/** @typedef {Pick<ListState, "stage" | "status" | "reason" | "least" | "most" | "range">} Filters */

export class FilterBar {
  node;

  #stage = select("Stage", option("", "All stages"));
  #status = select(
    "Status",
    option("", "All statuses"),
    ...STATUSES.map((status) => option(status, STATUS_WORDS[status].word)),
  );
  #reason = select("Reason", option("", "All reasons"));
  #least = input("Minimum return", "Return ≥");
  #most = input("Maximum return", "Return ≤");
  #range = element("button", { type: "button", class: "chip removable", hidden: true });
  #clear = element("button", { type: "button", class: "button", hidden: true }, "Clear");
  #timer = 0;
  #on;
  /** @type {?[number, number]} */
  #episodes = null;

  /** @param {{change: function(Filters): void}} on other episodes are wanted */
  constructor(on) {
    this.#on = on;
    this.#range.addEventListener("click", () => this.chooseRange(null));
    this.#clear.addEventListener("click", () => this.clear());
    explain(this.#reason, "Why episodes were kept. Numbers are episodes.");
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

  /** @returns {Filters} */
  get values() {
    return {
      stage: this.#stage.value,
      status: this.#status.value,
      reason: this.#reason.value,
      least: numberIn(this.#least),
      most: numberIn(this.#most),
      range: this.#episodes,
    };
  }

  /**
   * Show filters from an address, without a report of a change.
   *
   * @param {Filters} filters
   */
  show({ stage, status, reason, least, most, range }) {
    for (const [field, value] of /** @type {const} */ ([
      [this.#stage, stage],
      [this.#status, status],
      [this.#reason, reason],
    ])) {
      if (![...field.options].some((each) => each.value === value))
        field.append(option(value, value.replaceAll("_", " ")));
      field.value = value;
    }
    this.#least.value = String(least ?? "");
    this.#most.value = String(most ?? "");
    this.#showRange(range);
  }

  /** @param {[least: ?number, most: ?number]} range */
  chooseReturns([least, most]) {
    this.#least.value = String(least ?? "");
    this.#most.value = String(most ?? "");
    this.#changed();
  }

  /**
   * @param {string} reason
   * @param {string} words
   */
  chooseReason(reason, words) {
    if (![...this.#reason.options].some((each) => each.value === reason)) this.#reason.append(option(reason, words));
    this.#reason.value = reason;
    this.#changed();
  }

  /** @param {?[number, number]} range of episodes */
  chooseRange(range) {
    this.#showRange(range);
    this.#changed();
  }

  /** @param {number[]} stages */
  offerStages(stages) {
    offer(
      this.#stage,
      "All stages",
      stages.map((stage) => option(String(stage), `Stage ${stage}`)),
    );
    this.#stage.hidden = stages.length === 0 && this.#stage.value === "";
  }

  /** @param {{reason: string, words: string, n_episodes: number}[]} reasons those that occur */
  offerReasons(reasons) {
    offer(
      this.#reason,
      "All reasons",
      reasons.map(({ reason, words, n_episodes: n }) => option(reason, `${words} (${formatCount(n)})`)),
    );
  }

  clear() {
    this.show(WHOLE_LIST);
    this.#changed();
  }

  focus() {
    this.#reason.focus();
  }

  /** @param {?[number, number]} range */
  #showRange(range) {
    this.#episodes = range;
    this.#range.hidden = range === null;
    if (range)
      this.#range.replaceChildren(`episodes ${formatCount(range[0])} to ${formatCount(range[1])}`, icon("close"));
    this.#range.setAttribute("aria-label", "Clear the selected range");
    this.#clear.hidden = !Object.values(this.values).some((value) => value !== null && value !== "");
  }

  #changed() {
    this.#showRange(this.#episodes);
    this.#on.change(this.values);
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
 * Replace the options; the chosen one stays.
 *
 * @param {HTMLSelectElement} field
 * @param {string} all name of the option for all
 * @param {HTMLOptionElement[]} options
 */
function offer(field, all, options) {
  const chosen = field.selectedOptions[0];
  const isKnown = !chosen?.value || options.some((each) => each.value === chosen.value);
  const { value } = field;
  field.replaceChildren(option("", all), ...options, ...(isKnown ? [] : [chosen]));
  field.value = value;
}

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
 */
function input(label, placeholder) {
  return element("input", {
    class: "input filter-number",
    type: "number",
    placeholder,
    "aria-label": label,
    step: "any",
  });
}
