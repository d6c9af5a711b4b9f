/** Rows that are too many for a panel: the most important ones are shown, and a button unfolds the others. */

import { element, setText } from "../shell/dom.js";

/** Rows that a panel has room for. */
const MOST_ROWS = 8;

export class RowFold {
  button = element("button", {
    type: "button",
    class: "button fold-rows",
    hidden: true,
    "aria-expanded": "false",
    on: { click: () => this.#toggle() },
  });

  /** @type {HTMLElement[]} */
  #rows = [];
  /** @type {number[]} */
  #weights = [];
  /** The rows in view, to change nothing while they stay. */
  #shown = "";
  #isOpen = false;

  /** @param {HTMLElement[]} rows */
  open(rows) {
    this.#rows = rows;
    this.#weights = rows.map(() => 0);
    this.#shown = "";
    this.button.hidden = rows.length <= MOST_ROWS;
    this.#arrange();
  }

  /**
   * Show those with the greatest weights; one with the weight Infinity comes first.
   *
   * @param {number[]} weights one for each row
   */
  rank(weights) {
    this.#weights = weights;
    this.#arrange();
  }

  #toggle() {
    this.#isOpen = !this.#isOpen;
    this.#shown = "";
    this.#arrange();
  }

  #arrange() {
    if (this.button.hidden) return;
    const ranked = this.#rows.map((_, row) => row).sort((a, b) => this.#weights[b] - this.#weights[a] || a - b);
    const inView = new Set(this.#isOpen ? ranked : ranked.slice(0, MOST_ROWS));
    const first = this.#weights[ranked[0]] === Infinity ? ranked[0] : -1;
    const shown = `${first}: ${this.#isOpen ? "all" : [...inView].sort((a, b) => a - b)}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#rows.forEach((row, number) => {
      row.hidden = !inView.has(number);
      row.style.order = number === first && !this.#isOpen ? "-1" : "";
    });
    setText(this.button, this.#isOpen ? "Show fewer" : `${this.#rows.length - MOST_ROWS} more`);
    this.button.setAttribute("aria-expanded", String(this.#isOpen));
  }
}
