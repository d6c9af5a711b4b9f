/**
 * The recorded texts: those of the step, those of the steps around it, and a search. Text is set as text: markup in it
 * stays what it is.
 */

import { textTitle } from "../player/agent_row.js";
import { element, setText } from "../shell/dom.js";
import { TextLog } from "./text_log.js";
import { differentParts, foundParts } from "./text_parts.js";
import { TextSearch, textColumns } from "./text_search.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Part } from "./text_parts.js" */

/**
 * The place of one column.
 *
 * @typedef {{body: HTMLElement, log: TextLog, text: ?string}} Place
 */

/** A longer text is cut on the page; the file has all of it. */
const MOST_SHOWN = 20_000;

export class TextsView {
  node = element("section", { class: "panel texts", "aria-label": "Texts", hidden: true });

  /** By column. @type {Map<string, Place>} */
  #places = new Map();
  #seek;
  #search;
  /** Index of the step that is shown. */
  #index = 0;

  /** @param {function(number): void} seek go to the step with this index */
  constructor(seek) {
    this.#seek = seek;
    this.#search = new TextSearch({ seek, change: () => this.#paintAll() });
  }

  /**
   * Another episode is shown.
   *
   * @param {EpisodeStore} store
   */
  open(store) {
    this.#places.clear();
    this.#index = 0;
    this.#search.open(store, () => this.#index);
    this.node.replaceChildren(this.#search.node);
    this.node.hidden = true;
  }

  /**
   * Show the texts of a step; a column without one keeps its place, empty.
   *
   * @param {EpisodeStore} store
   * @param {number} index
   */
  draw(store, index) {
    const chunk = store.chunkAt(index);
    if (!chunk) return;
    this.#index = index;
    const offset = index - store.table.chunks[store.table.positionOf(index)].firstIndex;
    for (const name of textColumns(chunk)) if (!this.#places.has(name)) this.#add(name, store);
    for (const [name, place] of this.#places) {
      const text = chunk.text(name, offset);
      const isCut = text !== null && text.length > MOST_SHOWN;
      place.text = isCut ? `${text.slice(0, MOST_SHOWN)} …` : text;
      this.#paint(place);
      place.log.draw(store, index);
    }
  }

  /**
   * Mark the words that the other episode's step does not have.
   *
   * @param {EpisodeStore} store of the other one
   * @param {number} index of its step
   */
  differ(store, index) {
    const chunk = store.chunkAt(index);
    if (!chunk) return;
    const offset = index - store.table.chunks[store.table.positionOf(index)].firstIndex;
    for (const [name, { body, text }] of this.#places) {
      if (text === null) continue;
      const other = chunk.text(name, offset)?.slice(0, MOST_SHOWN) ?? "";
      if (other === text) setText(body, text);
      else setParts(body, differentParts(text, other), "Not in the other episode");
    }
  }

  #paintAll() {
    for (const place of this.#places.values()) this.#paint(place);
  }

  /** @param {Place} place */
  #paint({ body, text }) {
    const { query } = this.#search;
    if (text !== null && query) setParts(body, foundParts(text, query), "");
    else setText(body, text ?? "no text");
    body.classList.toggle("missing", text === null);
  }

  /**
   * @param {string} name
   * @param {EpisodeStore} store
   */
  #add(name, store) {
    const title = textTitle(name, store.opened.agents);
    // A text that is longer than its place scrolls, also by keys.
    const body = element("p", { class: "text-body", tabIndex: 0, dir: "auto", "aria-label": title });
    const log = new TextLog(name, this.#seek);
    log.node.setAttribute("aria-label", `${title}, step by step`);
    this.#places.set(name, { body, log, text: null });
    this.node.append(element("h2", {}, title), body, log.node);
    this.node.hidden = false;
  }
}

/**
 * @param {HTMLElement} body
 * @param {Part[]} parts
 * @param {string} title of the marked ones
 */
function setParts(body, parts, title) {
  body.replaceChildren(...parts.map(({ text, isMarked }) => (isMarked ? element("mark", { title }, text) : text)));
}
