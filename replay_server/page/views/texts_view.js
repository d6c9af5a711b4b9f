/** The recorded texts of a step, such as its mission. Text is set as text: markup in it stays what it is. */

import { AGENTS_PREFIX } from "../player/agent_row.js";
import { element, setText } from "../shell/dom.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */

const EXTRAS = "extras.";

/** A longer text is cut on the page; the file has all of it. */
const MOST_SHOWN = 20_000;

export class TextsView {
  node = element("section", { class: "panel texts", "aria-label": "Texts", hidden: true });

  /** Where the text of each column stands. @type {Map<string, HTMLElement>} */
  #places = new Map();

  /** Another episode is shown. */
  open() {
    this.#places.clear();
    this.node.replaceChildren();
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
    const offset = index - store.table.chunks[store.table.positionOf(index)].firstIndex;
    for (const { name, encoding } of chunk.specs) {
      if (encoding === "text" && !name.startsWith(AGENTS_PREFIX) && !this.#places.has(name)) this.#add(name);
    }
    for (const [name, body] of this.#places) {
      const text = chunk.text(name, offset);
      const isCut = text !== null && text.length > MOST_SHOWN;
      setText(body, text === null ? "no text" : isCut ? `${text.slice(0, MOST_SHOWN)} …` : text);
      body.classList.toggle("missing", text === null);
    }
  }

  /** @param {string} name */
  #add(name) {
    // A text that is longer than its place scrolls, also by keys.
    const body = element("p", {
      class: "text-body",
      tabIndex: 0,
      dir: "auto",
      "aria-label": name.slice(EXTRAS.length),
    });
    this.#places.set(name, body);
    this.node.append(element("h2", {}, name.slice(EXTRAS.length)), body);
    this.node.hidden = false;
  }
}
