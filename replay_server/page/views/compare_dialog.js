/** The dialog that asks for the episode to compare with: by its place in the run, its seed, or from a list to search. */

import { messageOf } from "../decode/errors.js";
import { element, setText } from "../shell/dom.js";
import { formatCount, formatCountOf, formatNumber } from "../shell/numbers.js";
import { fetchEpisodes } from "../source/api.js";

/** @import { EpisodeRow } from "../source/api.js" */

/** @typedef {"best"|"worst"|"previous"|"next"} OtherChoice */

/** @type {[OtherChoice, string][]} */
const CHOICES = [
  ["best", "Best of the run"],
  ["worst", "Worst of the run"],
  ["previous", "The one before"],
  ["next", "The one after"],
];

/** Rows to search in; the others can be chosen by number. */
const MOST_ROWS = 200;

/** Rows in view, so that the dialog stays small. */
const SHOWN_ROWS = 20;

/** @typedef {{runId: string, episodeId: number, seed: ?string}} Shown the episode that is on the screen */

export class CompareDialog {
  /** @type {HTMLDialogElement} */
  node;
  /** @type {HTMLInputElement} */
  #input;
  #list = element("ul", { class: "choices" });
  #note = element("p", { class: "muted", role: "status" });
  /** @type {HTMLButtonElement} */
  #sameSeed;
  /** @type {EpisodeRow[]} */
  #rows = [];
  /** @type {?Shown} */
  #shown = null;
  #hasMore = false;
  #on;

  /**
   * @param {{compareWith: function(number, ?string): void, chooseOther: function(OtherChoice): void}} on `compareWith` takes the
   *   episode and its run; null for this one
   */
  constructor(on) {
    this.#on = on;
    this.#input = element("input", {
      class: "input",
      required: true,
      autocomplete: "off",
      placeholder: "number or reason",
      "aria-label": "Episode to compare with",
      on: { input: () => this.#showRows() },
    });
    this.#sameSeed = element(
      "button",
      {
        type: "button",
        class: "button",
        "aria-pressed": "false",
        hidden: true,
        on: { click: () => this.#toggleSeed() },
      },
      "Same seed",
    );
    const form = element(
      "form",
      { method: "dialog", on: { submit: (/** @type {Event} */ event) => this.#submit(event) } },
      element("h2", {}, "Compare with episode"),
      element(
        "div",
        { class: "group" },
        ...CHOICES.map(([choice, label]) => this.#choice(choice, label)),
        this.#sameSeed,
      ),
      this.#input,
      this.#list,
      this.#note,
      element("button", { class: "button primary" }, "Compare"),
    );
    this.node = element("dialog", { class: "ask", "aria-label": "Compare" }, form);
    this.node.addEventListener("click", (event) => event.target === this.node && this.node.close());
  }

  /** @param {?Shown} shown null until the episode is known, which may be while the dialog is open */
  know(shown) {
    this.#shown = shown;
    this.#sameSeed.hidden = (shown?.seed ?? null) === null;
    if (this.node.open) this.#load();
  }

  open() {
    this.#input.value = "";
    this.#sameSeed.setAttribute("aria-pressed", "false");
    this.node.showModal();
    this.#input.focus();
    this.#load();
  }

  /** Get the newest recordings of the run, or those with the same seed in any run. */
  async #load() {
    const shown = this.#shown;
    this.#rows = [];
    this.#showRows();
    if (shown === null) {
      setText(this.#note, "");
      return;
    }
    const bySeed = this.#isBySeed;
    const filters = bySeed ? { seed: shown.seed ?? "" } : { run: shown.runId, complete: true };
    try {
      const page = await fetchEpisodes({ ...filters, recorded: true, limit: MOST_ROWS });
      if (this.#shown !== shown || this.#isBySeed !== bySeed) return;
      this.#rows = page.episodes.filter((row) => row.run_id !== shown.runId || row.episode_id !== shown.episodeId);
      this.#hasMore = page.next_cursor !== null;
      this.#showRows();
    } catch (error) {
      setText(this.#note, messageOf(error));
    }
  }

  get #isBySeed() {
    return this.#sameSeed.getAttribute("aria-pressed") === "true";
  }

  #toggleSeed() {
    this.#sameSeed.setAttribute("aria-pressed", String(!this.#isBySeed));
    this.#load();
  }

  /** @returns {EpisodeRow[]} */
  get #found() {
    const words = this.#input.value.toLowerCase().split(/\s+/).filter(Boolean);
    return this.#rows.filter((row) => {
      const text = [`episode ${row.episode_id}`, row.run_id, ...row.reason_words].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  #showRows() {
    const found = this.#found;
    this.#list.replaceChildren(...found.slice(0, SHOWN_ROWS).map((row) => element("li", {}, this.#row(row))));
    this.#list.hidden = found.length === 0;
    const what = this.#isBySeed ? "with the same seed" : "of this run";
    const left = found.length > SHOWN_ROWS ? `${formatCountOf(found.length - SHOWN_ROWS, "more episode")} below` : "";
    const older = this.#hasMore && !this.#isBySeed ? "the newest are listed; type the number of any other" : "";
    setText(
      this.#note,
      found.length
        ? [left, older].filter(Boolean).join("; ")
        : this.#rows.length
          ? "Nothing found."
          : `No other episode ${what}.`,
    );
  }

  /** @param {EpisodeRow} row */
  #row({ run_id: runId, episode_id: id, total_reward: total, n_steps: nSteps, reason_words: words }) {
    const isHere = runId === this.#shown?.runId;
    const facts = [`return ${formatNumber(total)}`, formatCountOf(nSteps, "step"), ...words];
    return element(
      "button",
      {
        type: "button",
        class: "choice",
        on: { click: () => this.#choose(() => this.#on.compareWith(id, isHere ? null : runId)) },
      },
      element("b", {}, `Episode ${formatCount(id)}${isHere ? "" : ` of ${runId}`}`),
      " ",
      element("span", { class: "muted" }, facts.join(" · ")),
    );
  }

  /**
   * @param {OtherChoice} choice
   * @param {string} label
   */
  #choice(choice, label) {
    const press = () => this.#choose(() => this.#on.chooseOther(choice));
    return element("button", { type: "button", class: "button", on: { click: press } }, label);
  }

  /** @param {() => void} act */
  #choose(act) {
    this.node.close();
    act();
  }

  /**
   * A number is that of an episode of this run; other words stand for the first row that has them.
   *
   * @param {Event} event
   */
  #submit(event) {
    const text = this.#input.value.trim();
    const [first] = this.#found;
    if (/^\d+$/.test(text)) this.#on.compareWith(Number(text), null);
    else if (first) this.#on.compareWith(first.episode_id, first.run_id === this.#shown?.runId ? null : first.run_id);
    else event.preventDefault();
  }
}
