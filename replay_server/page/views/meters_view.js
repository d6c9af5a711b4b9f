/**
 * The meters: one row each with name, bar, value and last change. A click on a row toggles its curve on the timeline.
 */

import { element, setText } from "../shell/dom.js";
import { LEVEL_SHARES } from "../shell/looks.js";
import { formatMeter, formatMeterChange } from "../shell/numbers.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";
import { colourNameOf } from "./affordance_marks.js";
import { nameDifferences, otherBar, placeOtherBar, showDifference } from "./difference.js";
import { RowFold } from "./row_fold.js";

/** @import { StepView } from "../player/step_view.js" */
/** @import { Outline } from "../source/outline.js" */

export class MetersView {
  node = element("section", { class: "panel meters", "aria-label": "Meters" });

  /** @type {{button: HTMLButtonElement, fill: HTMLElement, outline: HTMLElement, value: HTMLElement, change: HTMLElement}[]} */
  #rows = [];
  #fold = new RowFold();
  /** @type {?Outline} */
  #outline = null;
  #onToggle;
  #heading = explain(element("h2", {}, TERMS.meters.title), TERMS.meters.meaning);
  /** Whether rows show the difference from another episode, not from the previous step. */
  #isCompared = false;

  /** @param {?function(Set<number>): void} onToggle called with the meters that have a curve on the timeline */
  constructor(onToggle = null) {
    this.#onToggle = onToggle;
  }

  /** @param {Outline} outline */
  open(outline) {
    const { meterNames, meterLabels } = outline;
    this.#outline = outline;
    this.#rows = meterNames.map((name, meter) => this.#row(name, meterLabels[meter], meter));
    this.node.hidden = !meterNames.length;
    this.node.replaceChildren(
      this.#heading,
      element("div", { class: "rows" }, ...this.#rows.map(({ button }) => button)),
      this.#fold.button,
    );
    this.#fold.open(this.#rows.map(({ button }) => button));
  }

  /**
   * Show a step; `previous` is the step before it, null if unknown.
   *
   * @param {StepView} step
   * @param {?StepView} previous
   */
  draw({ meters }, previous) {
    const outline = this.#outline;
    if (!outline) return;
    const shares = this.#rows.map((_, meter) => shareOf(meters?.[meter], outline.meterRanges[meter]));
    const isRated = shares.map((_, meter) => outline.meterLevels[meter] && isKnown(meters?.[meter]));
    this.#fold.rank(shares.map((share, meter) => this.#weightOf(meter, isRated[meter] ? 1 - share : -1)));
    this.#rows.forEach((row, meter) => {
      const value = meters?.[meter];
      const range = outline.meterRanges[meter];
      const share = shares[meter];
      row.fill.style.transform = `scaleX(${share})`;
      row.button.dataset.level = isRated[meter] ? levelOf(share) : "good";
      setText(row.value, formatMeter(value, range));
      if (this.#isCompared) return;
      const before = previous?.meters?.[meter];
      const change = value === undefined || before === undefined ? NaN : value - before;
      const isStill = !(Math.abs(change) >= 0.0005);
      setText(row.change, isStill ? "" : formatMeterChange(change, range));
      row.change.dataset.direction = isStill ? "none" : change > 0 ? "up" : "down";
    });
  }

  /**
   * Show in each row how much it differs from another episode, and the other's bar as an outline.
   *
   * @param {StepView} step
   * @param {StepView} other
   * @param {Outline} otherOutline
   */
  differ({ meters }, other, { meterNames, episodeId }) {
    const outline = this.#outline;
    if (!outline) return;
    if (!this.#isCompared) nameDifferences(this.#heading, episodeId);
    this.#isCompared = true;
    this.#rows.forEach((row, meter) => {
      const same = meterNames.indexOf(outline.meterNames[meter]);
      const range = outline.meterRanges[meter];
      const values = /** @type {[?number, ?number]} */ ([meters?.[meter] ?? null, other.meters?.[same] ?? null]);
      showDifference(row.button, row.change, values, (difference) => formatMeterChange(difference, range));
      const value = other.meters?.[same];
      placeOtherBar(row.outline, isKnown(value) ? [0, shareOf(value, range)] : null);
    });
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {number} meter
   */
  #row(name, label, meter) {
    const fill = element("span", { class: "bar-fill" });
    const outline = otherBar();
    const value = element("span", { class: "number" });
    const change = element("span", { class: "change" });
    /** @type {HTMLButtonElement} */
    const button = element(
      "button",
      {
        type: "button",
        class: "meter row",
        "aria-pressed": "false",
        title: this.#onToggle ? `Show or hide the curve of ${name} on the timeline` : name,
        disabled: !this.#onToggle,
        on: { click: () => this.#toggle(button) },
      },
      element("span", { class: "name" }, label),
      element("span", { class: "bar" }, fill, outline),
      value,
      change,
    );
    button.dataset.meter = String(meter);
    button.style.setProperty("--curve", `var(--${colourNameOf(meter)})`);
    return { button, fill, outline, value, change };
  }

  /**
   * Rows with a curve stay in view.
   *
   * @param {number} meter
   * @param {number} weight
   */
  #weightOf(meter, weight) {
    return this.#rows[meter].button.getAttribute("aria-pressed") === "true" ? 2 : weight;
  }

  /** @param {HTMLButtonElement} button */
  #toggle(button) {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    const shown = this.#rows.filter((row) => row.button.getAttribute("aria-pressed") === "true");
    this.#onToggle?.(new Set(shown.map((row) => Number(row.button.dataset.meter))));
  }
}

/**
 * Whether a value was recorded; infinity is one.
 *
 * @param {number|undefined} value
 * @returns {value is number}
 */
const isKnown = (value) => value !== undefined && !Number.isNaN(value);

/**
 * @param {number|undefined} value
 * @param {[low: number, high: number]} range
 */
function shareOf(value, [low, high]) {
  return isKnown(value) ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0;
}

/** @param {number} share */
const levelOf = (share) => (share < LEVEL_SHARES.critical ? "critical" : share < LEVEL_SHARES.low ? "low" : "good");
