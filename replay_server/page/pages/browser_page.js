/** The page of episodes: runs, the learning curve, filters, and the table of recordings. */

import { messageOf } from "../decode/errors.js";
import { showHelp, showMessage } from "../shell/dialogs.js";
import { element, setText } from "../shell/dom.js";
import { bindKeys } from "../shell/keys.js";
import { formatCountOf } from "../shell/numbers.js";
import { followLink, linkTo, replaceLink, visit } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { fetchCurve, fetchEpisodes, fetchLive, fetchRuns } from "../source/api.js";
import { CurveView } from "../views/curve_view.js";
import { EpisodeTable } from "../views/episode_table.js";
import { FilterBar } from "../views/filter_bar.js";
import { HistogramView } from "../views/histogram_view.js";
import { RunList } from "../views/run_list.js";

/** @import { Place } from "../shell/share.js" */
/** @import { Curve } from "../source/api.js" */
/** @import { Binding } from "../shell/keys.js" */

const PAGE_SIZE = 50;

/** How often the page checks whether the run is live. */
const LIVE_MILLIS = 5000;

export class BrowserPage {
  node = element("main", { class: "browser-page" });

  #runId;
  #runs;
  #curve;
  /** @type {?Curve} */
  #points = null;

  #histogram;
  #table;
  #filters;
  #title = element("h1", { class: "run-title" });
  #live = element("a", { class: "button live-button", hidden: true }, "Watch live");
  #welcome = element("section", { class: "panel welcome", hidden: true });
  #content;
  #sort = "-finished";
  /** @type {?[number, number]} */
  #range = null;
  /** @type {?string} */
  #cursor = null;
  #isLoading = false;
  /** Counts requested lists, so that late answers to earlier requests are ignored. */
  #asked = 0;
  #liveTimer = 0;
  #isClosed = false;
  /** @type {Binding[]} */
  #keys;
  #unbind = () => {};

  /**
   * @param {Place} place
   * @param {function(Partial<Place>): void} prepare called with the place of a link when it is pressed
   */
  constructor(place, prepare) {
    this.#runId = place.runId;
    this.#runs = new RunList((runId) => this.#choose(runId));
    this.#curve = new CurveView({
      range: (range) => this.#chooseRange(range),
      open: (episodeId) => visit({ page: "player", runId: this.#runId, episodeId, theme: chosenTheme() }),
    });
    this.#histogram = new HistogramView({ range: (range) => this.#filters.chooseReturns(range) });
    this.#filters = new FilterBar({ change: () => this.#filter(), clearRange: () => this.#chooseRange(null) });
    this.#table = new EpisodeTable({ sort: (order) => this.#sortBy(order), more: () => this.#more(), prepare });
    this.#live.addEventListener("click", (event) => followLink(event, this.#livePlace));
    this.#content = element(
      "div",
      { class: "browser-main" },
      element("header", { class: "run-header" }, this.#title, this.#live),
      element(
        "section",
        { class: "panel curve-panel", "aria-label": "Learning curve and distribution of returns" },
        this.#curve.node,
        this.#histogram.node,
      ),
      this.#filters.node,
      element("section", { class: "panel table-panel", "aria-label": "Episodes" }, this.#table.node),
    );
    this.node.append(this.#runs.node, this.#content, this.#welcome);
    this.#keys = browserKeys(this.#table, this.#filters, () => showHelp(this.#keys));
    this.#start();
  }

  /** Called when the page is on the screen: bind its keys. */
  enter() {
    this.#unbind = bindKeys(this.#keys);
  }
  close() {
    this.#isClosed = true;
    clearTimeout(this.#liveTimer);
    this.#unbind();
    this.#curve.close();
    this.#histogram.close();
    this.#table.close();
  }

  /** @returns {Partial<Place>} */
  get #livePlace() {
    return { page: "player", runId: this.#runId, episodeId: null, live: true, theme: chosenTheme() };
  }

  async #start() {
    try {
      const runs = await fetchRuns();
      if (this.#isClosed) return;
      this.#runs.show(runs);
      this.#runId ??= runs[0]?.run_id ?? null;
      if (this.#runId === null) this.#showWelcome();
      else this.#choose(this.#runId);
    } catch (error) {
      this.#table.say(messageOf(error));
    }
  }

  #showWelcome() {
    this.#content.hidden = this.#runs.node.hidden = true;
    this.#welcome.hidden = false;
    this.#welcome.replaceChildren(
      element("h1", {}, "Nothing recorded yet"),
      element(
        "p",
        {},
        "Start a training that records its episodes. They appear here as soon as the first one is kept. To try it: ",
      ),
      element("pre", {}, "hamlet-recorder demo"),
    );
  }

  /** @param {string} runId */
  #choose(runId) {
    this.#runId = runId;
    this.#range = null;
    this.#runs.choose(runId);
    setText(this.#title, runId || "(no run)");
    document.title = `${runId} · episodes`;
    this.#live.href = linkTo(this.#livePlace);
    replaceLink({ page: "browser", runId, theme: chosenTheme() });
    this.#filters.showRange(null);
    this.#curve.showRange(null);
    this.#drawCurve(runId);
    this.#reload();
    this.#lookForLive(runId);
  }

  /** @param {string} runId */
  async #drawCurve(runId) {
    try {
      const curve = await fetchCurve(runId);
      if (runId !== this.#runId || this.#isClosed) return;
      this.#points = curve;
      this.#curve.show(curve);
      this.#drawHistogram();
      const stages = curve.curriculum_stage.filter((stage) => stage !== null);
      this.#filters.offerStages([...new Set(stages)].sort((one, other) => one - other));
    } catch (error) {
      showMessage(messageOf(error));
    }
  }

  /** The returns of the episodes in the selected range and stage. */
  #drawHistogram() {
    if (!this.#points) return;
    const { episode_id: ids, total_reward: returns, curriculum_stage: stages, recorded } = this.#points;
    const { stage } = this.#filters.values;
    const [first, last] = this.#range ?? [-Infinity, Infinity];
    const chosen = ids.flatMap((id, point) =>
      id >= first && id <= last && (stage === "" || stages[point] === Number(stage))
        ? [{ total: returns[point], isRecorded: recorded[point] }]
        : [],
    );
    this.#histogram.show(chosen);
    this.#histogram.showRange(this.#filters.returns);
  }

  #filter() {
    this.#drawHistogram();
    this.#reload();
  }

  /** @param {string} runId */
  async #lookForLive(runId) {
    clearTimeout(this.#liveTimer);
    const { episodes } = await fetchLive(runId).catch(() => ({ episodes: [] }));
    if (this.#isClosed || runId !== this.#runId) return;
    this.#live.hidden = episodes.length === 0;
    this.#liveTimer = setTimeout(() => this.#lookForLive(runId), LIVE_MILLIS);
  }

  /** @param {?[number, number]} range */
  #chooseRange(range) {
    this.#range = range;
    this.#curve.showRange(range);
    this.#filters.showRange(range);
    this.#filter();
  }

  /** @param {string} order */
  #sortBy(order) {
    this.#sort = this.#sort === `-${order}` ? order : `-${order}`;
    this.#reload();
  }

  #reload() {
    this.#asked++;
    this.#cursor = null;
    this.#isLoading = false;
    this.#table.clear(this.#sort);
    this.#load();
  }

  #more() {
    if (this.#cursor !== null && !this.#isLoading) this.#load();
  }

  async #load() {
    const asked = this.#asked;
    this.#isLoading = true;
    const [first, last] = this.#range ?? [null, null];
    try {
      const { episodes, next_cursor: cursor } = await fetchEpisodes({
        run: this.#runId,
        recorded: true,
        ...this.#filters.values,
        min_episode: first,
        max_episode: last,
        sort: this.#sort,
        limit: PAGE_SIZE,
        cursor: this.#cursor,
      });
      if (asked !== this.#asked || this.#isClosed) return;
      this.#isLoading = false;
      this.#cursor = cursor;
      this.#table.add(episodes);
      const nRows = this.#table.nRows;
      this.#table.say(
        nRows
          ? cursor
            ? "Loading more…"
            : formatCountOf(nRows, "episode")
          : "No recorded episode matches these filters.",
      );
      if (cursor) this.#table.checkEnd();
    } catch (error) {
      if (asked === this.#asked) this.#table.say(messageOf(error));
    }
  }
}

/**
 * @param {EpisodeTable} table
 * @param {FilterBar} filters
 * @param {() => void} help
 * @returns {Binding[]}
 */
function browserKeys(table, filters, help) {
  return [
    { keys: ["ArrowDown", "n"], does: "next episode", run: () => table.walk(1) },
    { keys: ["ArrowUp", "p"], does: "previous episode", run: () => table.walk(-1) },
    {
      keys: ["Enter"],
      does: "open the episode",
      run: () => document.activeElement?.closest("tr")?.querySelector("a")?.click(),
    },
    { keys: ["/"], does: "filter by reason", run: () => filters.focus() },
    { keys: ["Escape"], does: "clear filters", run: () => filters.clear() },
    { keys: ["?"], does: "this help", run: help },
  ];
}
