/** The texts of one column around the playhead: each with the step that it begins at, the current one marked. In one line, for lists. */

import { element } from "../shell/dom.js";
import { formatCount } from "../shell/numbers.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */

/** The log has whole blocks of steps: the one of the playhead, and one on each side. */
const BLOCK_STEPS = 64;

/** A longer text is read up to here, and a longer line is cut. */
const MOST_READ = 20_000;
const MOST_SHOWN = 300;

export class TextLog {
  node = element("ol", { class: "text-log", hidden: true });

  #name;
  #seek;
  /** @type {{index: number, item: HTMLElement}[]} */
  #entries = [];
  /** Which steps the entries are of. */
  #shown = "";
  /** @type {?HTMLElement} */
  #current = null;

  /**
   * @param {string} name of the column
   * @param {function(number): void} seek go to the step with this index
   */
  constructor(name, seek) {
    this.#name = name;
    this.#seek = seek;
  }

  /**
   * Show the texts around a step, as far as they are loaded.
   *
   * @param {EpisodeStore} store
   * @param {number} index
   */
  draw(store, index) {
    const { table, nSteps } = store;
    const block = Math.floor(index / BLOCK_STEPS);
    const first = Math.max(0, (block - 1) * BLOCK_STEPS);
    const end = Math.min(nSteps, (block + 2) * BLOCK_STEPS);
    const positions = [];
    for (let at = table.positionOf(first); at <= table.positionOf(end - 1); at++)
      if (store.chunkAt(table.chunks[at].firstIndex)) positions.push(at);
    const shown = `${first} ${end} ${positions}`;
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#fill(store, positions, first, end);
    }
    const current = this.#entries.findLast((entry) => entry.index <= index)?.item ?? null;
    if (current === this.#current) return;
    this.#current?.removeAttribute("aria-current");
    this.#current = current;
    current?.setAttribute("aria-current", "step");
    if (current && !this.node.hidden)
      this.node.scrollTop =
        current.offsetTop - this.node.offsetTop - (this.node.clientHeight - current.offsetHeight) / 2;
  }

  /**
   * @param {EpisodeStore} store
   * @param {number[]} positions of the loaded chunks
   * @param {number} first
   * @param {number} end
   */
  #fill(store, positions, first, end) {
    this.#entries = [];
    this.#current = null;
    /** @type {?string} */
    let before = null;
    for (const position of positions) {
      const { firstIndex } = store.table.chunks[position];
      const chunk = store.chunkAt(firstIndex);
      for (
        let index = Math.max(first, firstIndex);
        chunk && index < Math.min(end, firstIndex + chunk.nSteps);
        index++
      ) {
        const text = chunk.text(this.#name, index - firstIndex);
        if (text !== null && text !== before)
          this.#entries.push({ index, item: this.#item(index, store.table.numberOf(index), text) });
        before = text;
      }
    }
    this.node.replaceChildren(...this.#entries.map(({ item }) => item));
    this.node.hidden = this.#entries.length < 2;
  }

  /**
   * @param {number} index
   * @param {number} number
   * @param {string} text
   */
  #item(index, number, text) {
    const line = lineOf(text.slice(0, MOST_READ));
    const shown = line.length > MOST_SHOWN ? `${line.slice(0, MOST_SHOWN)} …` : line;
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", title: "Go to this step", on: { click: () => this.#seek(index) } },
        element("span", { class: "muted number" }, `step ${formatCount(number)}`),
        element("span", { class: "text-line", dir: "auto" }, shown),
      ),
    );
  }
}

/**
 * @param {string} text
 * @returns {string}
 */
export function lineOf(text) {
  return (messagesIn(text) ?? text).replace(/\s+/gu, " ").trim();
}

/**
 * The messages of a turn, or null if the text is something else.
 *
 * @param {string} text
 */
function messagesIn(text) {
  if (!text.startsWith("[")) return null;
  /** @type {any} */
  let messages;
  try {
    messages = JSON.parse(text);
  } catch {
    return null;
  }
  const isChat =
    Array.isArray(messages) && messages.length > 0 && messages.every((one) => typeof one?.content === "string");
  if (!isChat) return null;
  return messages
    .map((/** @type {{role?: string, content: string}} */ { role, content }) =>
      role ? `${role}: ${content}` : content,
    )
    .join(" · ");
}
