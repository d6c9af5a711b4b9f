/** Searches the texts of an episode from the playhead on, chunk by chunk, and around its end to its beginning. */

import { isForPeople } from "../player/agent_row.js";
import { element, setText } from "../shell/dom.js";
import { formatCount } from "../shell/numbers.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */

export class TextSearch {
  #input = element("input", {
    type: "search",
    class: "input text-query",
    placeholder: "Search the texts",
    "aria-label": "Search the texts",
    title: "Enter goes to the next step, Shift+Enter to the one before",
  });
  #status = element("span", { class: "muted", role: "status" });
  node = element("div", { class: "text-search" }, this.#input, this.#status);

  /** Of the search that runs: a later one ends it. */
  #nSearches = 0;
  #on;

  /** @param {{seek: function(number): void, change: function(): void}} on go to a step's index; the query has changed */
  constructor(on) {
    this.#on = on;
  }

  get query() {
    return this.#input.value.trim();
  }

  /**
   * Another episode is shown.
   *
   * @param {EpisodeStore} store
   * @param {function(): number} current index of the step that is shown
   */
  open(store, current) {
    this.#nSearches++;
    setText(this.#status, "");
    this.#input.oninput = () => {
      this.#nSearches++;
      setText(this.#status, "");
      this.#on.change();
    };
    this.#input.onkeydown = (event) => {
      if (event.key !== "Enter" || !this.query) return;
      event.preventDefault();
      this.#search(store, current(), event.shiftKey ? -1 : 1);
    };
  }

  /**
   * @param {EpisodeStore} store
   * @param {number} from
   * @param {-1|1} direction
   */
  async #search(store, from, direction) {
    const number = ++this.#nSearches;
    const query = this.query.toLowerCase();
    const { chunks } = store.table;
    const start = store.table.positionOf(from);
    for (let nDone = 0; nDone <= chunks.length; nDone++) {
      const position = (start + direction * nDone + chunks.length * 2) % chunks.length;
      const { firstIndex } = chunks[position];
      const chunk = await store.load(firstIndex).catch(() => null); // the stage reports a chunk that can't be read
      if (number !== this.#nSearches) return;
      const isStart = nDone === 0;
      const found = chunk && stepsWith(chunk, query).map((offset) => firstIndex + offset);
      const later = found?.filter((index) => !isStart || (index - from) * direction > 0);
      const index = direction > 0 ? later?.[0] : later?.at(-1);
      if (index !== undefined) {
        this.#on.seek(index);
        setText(this.#status, `step ${formatCount(store.table.numberOf(index))}`);
        return;
      }
      setText(this.#status, `searching ${Math.floor((100 * nDone) / chunks.length)}%`);
    }
    setText(this.#status, "no step has it");
  }
}

/**
 * Offsets of the steps where a text with the query begins; one that goes on from the step before is not counted again.
 *
 * @param {Chunk} chunk
 * @param {string} query in lower case
 */
export function stepsWith(chunk, query) {
  const names = textColumns(chunk);
  /** @type {Map<string, ?string>} */
  const before = new Map();
  const found = [];
  for (let offset = 0; offset < chunk.nSteps; offset++) {
    let isFound = false;
    for (const name of names) {
      const text = chunk.text(name, offset);
      isFound ||= text !== null && text !== before.get(name) && text.toLowerCase().includes(query);
      before.set(name, text);
    }
    if (isFound) found.push(offset);
  }
  return found;
}

/**
 * The names of the texts that people read; the table of agents is no such text.
 *
 * @param {Chunk} chunk
 */
export function textColumns(chunk) {
  return chunk.specs.filter(({ name, encoding }) => encoding === "text" && isForPeople(name)).map(({ name }) => name);
}
