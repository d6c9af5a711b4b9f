/** Loads a list of episodes page by page, and finds what was added to it since. */

import { episodeKey } from "../source/api.js";

/** @import { EpisodeRow } from "../source/api.js" */
/** @import { Query } from "../source/rest.js" */

const PAGE_SIZE = 50;

/** The server gives at most so many at once. */
const LARGEST_PAGE = 500;

/** How many more episodes than are shown are requested to find new ones. */
const NEW_ROWS = 100;

/** @typedef {{episodes: EpisodeRow[], next_cursor: ?string}} EpisodePage */

export class EpisodeFeed {
  #fetchPage;
  /** @type {Query[]} */
  #parts = [];
  #part = 0;
  /** @type {?string} */
  #cursor = null;
  /** Counts restarts, so that late answers to earlier requests are ignored. */
  #started = 0;
  #isLoading = false;
  /** @type {EpisodeRow[]} */
  rows = [];

  /** @param {(query: Query) => Promise<EpisodePage>} fetchPage */
  constructor(fetchPage) {
    this.#fetchPage = fetchPage;
  }

  /** Filters and orders of the list. */
  get parts() {
    return this.#parts;
  }

  /** Whether all episodes are loaded. */
  get isWhole() {
    return this.#part >= this.#parts.length;
  }

  /**
   * Begin a list.
   *
   * @param {Query[]} parts filters and order of its parts, which follow each other
   */
  restart(parts) {
    this.#parts = parts;
    this.#part = 0;
    this.#cursor = null;
    this.#isLoading = false;
    this.#started++;
    this.rows = [];
  }

  /**
   * Load more episodes.
   *
   * @param {number} atLeast so many, if there are
   * @returns {Promise<boolean>} false if the list was restarted meanwhile, or is loading already
   */
  async more(atLeast = PAGE_SIZE) {
    if (this.#isLoading || this.isWhole) return false;
    const started = this.#started;
    this.#isLoading = true;
    const wanted = this.rows.length + atLeast;
    try {
      while (!this.isWhole && this.rows.length < wanted) {
        const limit = Math.min(LARGEST_PAGE, Math.max(PAGE_SIZE, wanted - this.rows.length));
        const page = await this.#fetchPage({ ...this.#parts[this.#part], limit, cursor: this.#cursor });
        if (started !== this.#started) return false;
        this.rows.push(...page.episodes);
        this.#cursor = page.next_cursor;
        if (this.#cursor === null) this.#part++;
      }
      return true;
    } finally {
      if (started === this.#started) this.#isLoading = false;
    }
  }

  /**
   * Look at the loaded part of the list again.
   *
   * @returns {Promise<?EpisodeRow[]>} its episodes in order, new ones included; null if the list changed meanwhile
   */
  async again() {
    if (this.#isLoading) return null;
    const started = this.#started;
    const wanted = Math.min(this.rows.length + NEW_ROWS, LARGEST_PAGE);
    /** @type {EpisodeRow[]} */
    const found = [];
    for (const part of this.#parts) {
      const page = await this.#fetchPage({ ...part, limit: wanted - found.length });
      if (started !== this.#started || this.#isLoading) return null;
      found.push(...page.episodes);
      if (found.length >= wanted) break;
    }
    const known = new Set(this.rows.map(episodeKey));
    const last = this.isWhole ? found.length - 1 : found.findLastIndex((row) => known.has(episodeKey(row)));
    const window = found.slice(0, last + 1);
    const seen = new Set(window.map(episodeKey));
    return [...window, ...this.rows.filter((row) => !seen.has(episodeKey(row)))];
  }
}
