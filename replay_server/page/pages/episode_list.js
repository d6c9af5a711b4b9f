/** The list of a run's recordings: filters, table, new rows, and the place where the person is. */

import { messageOf } from "../decode/errors.js";
import { element, setText } from "../shell/dom.js";
import { formatCount, formatCountOf } from "../shell/numbers.js";
import { fetchEpisodes } from "../source/api.js";
import { EpisodeTable } from "../views/episode_table.js";
import { FilterBar } from "../views/filter_bar.js";
import { EpisodeFeed } from "./episode_feed.js";

/** @import { ListState, Place } from "../shell/share.js" */
/** @import { EpisodeRow, Run } from "../source/api.js" */
/** @import { Query } from "../source/rest.js" */
/** @import { ListPlace } from "./list_memory.js" */

/** Order without a choice: the newest first, and broken-off episodes after all others. */
const NEWEST_FIRST = "-finished";

/** Rows that are restored at most; the person was farther down. */
const MOST_RESTORED = 2000;

export class EpisodeList {
  filters;
  table;

  #count = element("span", { class: "list-count number" });
  #fresh = element("button", { type: "button", class: "button primary fresh", hidden: true });
  #feed = new EpisodeFeed(fetchEpisodes);
  #sort = "";
  #isFiltered = false;
  /** @type {?Run} */
  #run = null;
  /** Rows that are shown when the person asks for them. */
  /** @type {EpisodeRow[]} */
  #waiting = [];
  #isClosed = false;

  /** @param {{change: (list: Partial<ListState>) => void, prepare: (place: Partial<Place>) => void, leave: () => void}} on */
  constructor(on) {
    this.filters = new FilterBar({ change: (filters) => on.change(filters) });
    this.table = new EpisodeTable({
      sort: (order) => on.change({ sort: this.#sort === `-${order}` ? order : `-${order}` }),
      more: () => this.#more(),
      prepare: on.prepare,
      reason: (reason) => this.filters.chooseReason(reason, this.#wordsOf(reason)),
      leave: on.leave,
    });
    this.#fresh.addEventListener("click", () => this.#showWaiting());
  }

  /** What the page shows, from top to bottom. */
  get nodes() {
    const head = element("div", { class: "list-head" }, this.#count, this.#fresh);
    return [
      this.filters.node,
      element("section", { class: "panel table-panel", "aria-label": "Episodes" }, head, this.table.node),
    ];
  }

  /**
   * Where the person is; null before there is a list.
   *
   * @returns {?ListPlace}
   */
  get place() {
    if (!this.table.nRows) return null;
    return { nRows: this.table.nRows, scroll: window.scrollY, ...this.table.place };
  }

  /**
   * Show the list of a run.
   *
   * @param {string} runId
   * @param {ListState} list
   * @param {?ListPlace} left where the person left it
   */
  async show(runId, list, left) {
    this.filters.show(list);
    this.#sort = list.sort || NEWEST_FIRST;
    this.#wait([]);
    const { stage, status, reason, least, most, range } = list;
    this.#isFiltered = Boolean(stage || status || reason || range || least !== null || most !== null);
    /** @type {Query} */
    const query = {
      run: runId,
      recorded: true,
      stage,
      status,
      reason,
      min_return: least,
      max_return: most,
      min_episode: range?.[0],
      max_episode: range?.[1],
      sort: this.#sort,
    };
    const isChosen = list.sort !== "" || status !== "";
    this.#feed.restart(
      isChosen
        ? [query]
        : [
            { ...query, complete: true },
            { ...query, complete: false },
          ],
    );
    this.table.showOrder(this.#sort);
    await this.#load(Math.min(left?.nRows ?? 0, MOST_RESTORED) || undefined);
    if (left && !this.#isClosed) this.#restore(left);
  }

  /** @param {number[]} stages those of the run; none if nobody knows them */
  offerStages(stages) {
    this.filters.offerStages(stages);
    this.table.node.classList.toggle("without-stages", stages.length === 0);
  }

  /** @param {Run} run */
  showRun(run) {
    this.#run = run;
    this.#describe();
  }

  /** The run has grown: show new rows, or offer them if they would move what the person reads. */
  async update() {
    if (!this.table.nRows) {
      this.#feed.restart(this.#feed.parts);
      await this.#load();
      return;
    }
    const rows = await this.#feed.again();
    if (!rows || this.#isClosed) return;
    if (rows.length > this.table.nRows && this.table.wouldMove(rows)) this.#wait(rows);
    else this.#take(rows);
  }

  close() {
    this.#isClosed = true;
    this.table.close();
  }

  #more() {
    if (this.#feed.rows.length) this.#load();
  }

  /** @param {number} [atLeast] */
  async #load(atLeast) {
    try {
      if (!(await this.#feed.more(atLeast)) || this.#isClosed) return;
      if (!this.#waiting.length) this.table.show(this.#feed.rows);
      this.#describe();
      if (!this.#feed.isWhole) this.table.checkEnd();
    } catch (error) {
      this.table.say(messageOf(error));
    }
  }

  #describe() {
    if (!this.#run) return;
    const { n_recordings: nKept, n_episodes: nEpisodes } = this.#run;
    const nRows = this.#feed.rows.length;
    const whole = `${formatCount(nKept)} of ${formatCount(nEpisodes)} episodes kept`;
    const found = this.#isFiltered
      ? ` · ${this.#feed.isWhole ? formatCount(nRows) : `more than ${formatCount(nRows)}`} match`
      : "";
    setText(this.#count, whole + found);
    this.table.say(this.#foot(nRows, nKept));
  }

  /**
   * @param {number} nRows
   * @param {number} nKept
   */
  #foot(nRows, nKept) {
    if (!this.#feed.isWhole) return "Loading more…";
    if (nRows) return formatCountOf(nRows, "episode");
    if (this.#isFiltered && nKept) return "No kept episode matches these filters.";
    return nKept
      ? "The kept episodes are not listed yet."
      : "No episode of this run is kept yet. Criteria choose what to keep; this list shows it as soon as it is written.";
  }

  /** @param {EpisodeRow[]} rows */
  #take(rows) {
    this.#feed.rows = rows;
    this.table.show(rows);
    this.#wait([]);
    this.#describe();
  }

  #showWaiting() {
    const known = new Set(this.table.keys);
    const first = this.#waiting.findIndex((row) => !known.has(`${row.episode_id}/${row.run_id}`));
    this.#take(this.#waiting);
    this.table.reveal(first);
  }

  /** @param {EpisodeRow[]} rows */
  #wait(rows) {
    this.#waiting = rows;
    const n = rows.length - this.table.nRows;
    this.#fresh.hidden = rows.length === 0;
    if (rows.length) setText(this.#fresh, formatCountOf(n, "new episode"));
  }

  /** @param {ListPlace} left */
  #restore(left) {
    window.scrollTo({ top: left.scroll, behavior: "instant" });
    this.table.restore(left);
  }

  /** @param {string} reason */
  #wordsOf(reason) {
    const row = this.#feed.rows.find(({ reasons }) => reasons.includes(reason));
    return row?.reason_words[row.reasons.indexOf(reason)] ?? reason;
  }
}
