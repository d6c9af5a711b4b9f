/** The page of a run: what happened in it, its learning curve, filters, and the table of recordings. */

import { messageOf } from "../decode/errors.js";
import { showHelp } from "../shell/dialogs.js";
import { element, setText } from "../shell/dom.js";
import { bindKeys } from "../shell/keys.js";
import { cutName } from "../shell/names.js";
import { WHOLE_LIST, followLink, linkTo, replaceLink, visit } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { fetchLive, fetchRuns } from "../source/api.js";
import { RunList } from "../views/run_list.js";
import { EpisodeList } from "./episode_list.js";
import { ListMemory } from "./list_memory.js";
import { RunStory } from "./run_story.js";

/** @import { Binding } from "../shell/keys.js" */
/** @import { ListState, Place } from "../shell/share.js" */
/** @import { Run } from "../source/api.js" */

/** How often the page looks for new episodes and runs. */
const POLL_MILLIS = 5000;

export class BrowserPage {
  node = element("main", { class: "browser-page" });

  #runId;
  /** @type {ListState} */
  #list;
  #runs;
  #story;
  #episodes;
  #title = element("h1", { class: "run-title", tabIndex: -1 });
  #live = element("a", { class: "button live-button", hidden: true }, "Watch live");
  #lanes = element("a", { class: "button", hidden: true }, "All lanes");
  #trouble = element("p", { class: "trouble", role: "status", hidden: true });
  #welcome = new Welcome();
  #content;
  /** Numbers of episodes and recordings of the run when its story was shown. */
  #size = "";
  #pollTimer = 0;
  #isClosed = false;
  #memory;
  #left = ListMemory.read();
  /** @type {Binding[]} */
  #keys;
  #unbind = () => {};

  /**
   * @param {Place} place
   * @param {function(Partial<Place>): void} prepare called with the place of a link when it is pressed
   */
  constructor(place, prepare) {
    this.#runId = place.runId;
    this.#list = place.list;
    this.#runs = new RunList({
      choose: (runId) => this.#choose(runId),
      over: (over) => this.#change({ over }),
    });
    this.#story = new RunStory({
      range: (range) => this.#episodes.filters.chooseRange(range),
      returns: (range) => this.#episodes.filters.chooseReturns(range),
      open: (episodeId) => visit({ page: "player", runId: this.#runId, episodeId, theme: chosenTheme() }),
      measure: (measure) => this.#change({ measure }),
      known: (highlights) => this.#episodes.filters.offerReasons(highlights.reasons),
      stages: (stages) => this.#episodes.offerStages(stages),
    });
    this.#memory = new ListMemory(() => this.#episodes.place);
    this.#episodes = new EpisodeList({
      change: (list) => this.#change(list),
      prepare,
      leave: () => this.#memory.write(),
    });
    this.#live.addEventListener("click", (event) => followLink(event, this.#livePlace));
    this.#lanes.addEventListener("click", (event) => followLink(event, this.#wallPlace));
    this.#content = element(
      "div",
      { class: "browser-main" },
      element("header", { class: "run-header" }, this.#title, this.#live, this.#lanes),
      this.#trouble,
      ...this.#story.nodes,
      ...this.#episodes.nodes,
    );
    this.node.append(this.#runs.node, this.#content, this.#welcome.node);
    this.#keys = browserKeys(this.#episodes, () => showHelp(this.#keys));
    if (this.#runId !== null) this.#show(this.#runId);
    this.#poll();
  }

  /** Called when the page is on the screen: bind its keys, and go back to where the person was. */
  enter() {
    this.#unbind = bindKeys(this.#keys);
    this.#memory.start();
    document.addEventListener("visibilitychange", this.#wake);
  }
  close() {
    this.#isClosed = true;
    clearTimeout(this.#pollTimer);
    this.#memory.stop();
    this.#unbind();
    document.removeEventListener("visibilitychange", this.#wake);
    this.#story.close();
    this.#episodes.close();
  }

  /** @returns {Partial<Place>} */
  get #livePlace() {
    return { page: "player", runId: this.#runId, episodeId: null, live: true, theme: chosenTheme() };
  }

  /** @returns {Partial<Place>} */
  get #wallPlace() {
    return { page: "wall", runId: this.#runId, theme: chosenTheme() };
  }

  #wake = () => {
    if (document.visibilityState === "visible") this.#poll();
  };

  /** Look for new runs and episodes, again and again while the page is visible. */
  async #poll() {
    clearTimeout(this.#pollTimer);
    try {
      const runs = await fetchRuns();
      if (this.#isClosed) return;
      this.#runs.show(runs);
      if (this.#runId === null && runs.length) this.#choose(runs[0].run_id, this.#list);
      const isEmpty = this.#runId === null;
      this.#content.hidden = this.#runs.node.hidden = isEmpty;
      this.#welcome.node.hidden = !isEmpty;
      const run = runs.find((each) => each.run_id === this.#runId);
      const isUnknown = !isEmpty && !run;
      const wayOn = runs.length ? " Choose one of the runs in the list." : "";
      this.#say(isUnknown ? `There is no run named ${this.#runId || "(no name)"} here.${wayOn}` : "");
      this.#content.classList.toggle("unknown", isUnknown);
      if (run) await this.#update(run);
    } catch (error) {
      if (this.#isClosed) return;
      this.#say(`${messageOf(error)}. Trying again…`);
    }
    if (!this.#isClosed && document.visibilityState === "visible")
      this.#pollTimer = setTimeout(() => this.#poll(), POLL_MILLIS);
  }

  /** @param {Run} run */
  async #update(run) {
    const runId = run.run_id;
    this.#episodes.showRun(run);
    const size = `${run.n_episodes}/${run.n_recordings}`;
    if (size !== this.#size && this.#size !== "") {
      await Promise.all([this.#story.update(), this.#episodes.update()]);
    }
    this.#size = size;
    const { episodes } = await fetchLive(runId);
    if (this.#isClosed || runId !== this.#runId) return;
    this.#live.hidden = episodes.length === 0;
    this.#lanes.hidden = episodes.length < 2;
  }

  /**
   * @param {string} runId
   * @param {ListState} list
   */
  #choose(runId, list = { ...WHOLE_LIST, measure: this.#list.measure }) {
    this.#runId = runId;
    this.#list = list;
    this.#left = null;
    this.#size = "";
    this.#write();
    this.#show(runId);
    this.#wake();
  }

  /** @param {string} runId */
  #show(runId) {
    this.#title.replaceChildren(cutName(runId || "(no run)"));
    this.#title.setAttribute("aria-label", runId || "(no run)");
    document.title = `${runId} · episodes`;
    this.#live.href = linkTo(this.#livePlace);
    this.#lanes.href = linkTo(this.#wallPlace);
    this.#runs.choose(runId, this.#list.over);
    this.#story.show(runId, this.#list);
    this.#episodes.show(runId, this.#list, this.#left);
    this.#left = null;
  }

  /** @param {Partial<ListState>} changes */
  #change(changes) {
    const { runId } = { runId: this.#runId };
    if (runId === null) return;
    this.#list = { ...this.#list, ...changes };
    this.#write();
    this.#runs.choose(runId, this.#list.over);
    this.#story.show(runId, this.#list);
    if (Object.keys(changes).some((name) => !["measure", "over"].includes(name)))
      this.#episodes.show(runId, this.#list, null);
  }

  #write() {
    replaceLink({ page: "browser", runId: this.#runId, list: this.#list, theme: chosenTheme() });
  }

  /** @param {string} trouble */
  #say(trouble) {
    setText(this.#trouble, trouble);
    this.#trouble.hidden = trouble === "";
  }
}

/**
 * @param {EpisodeList} episodes
 * @param {() => void} help
 * @returns {Binding[]}
 */
function browserKeys({ table, filters }, help) {
  return [
    { keys: ["ArrowDown", "n"], does: "Next episode", run: () => table.walk(1) },
    { keys: ["ArrowUp", "p"], does: "Previous episode", run: () => table.walk(-1) },
    {
      keys: ["Enter"],
      does: "Open the episode",
      run: () => document.activeElement?.closest("tr")?.querySelector("a")?.click(),
    },
    { keys: ["/"], does: "Filter by reason", run: () => filters.focus() },
    { keys: ["Escape"], does: "Clear filters", run: () => filters.clear() },
    { keys: ["?"], does: "This help", run: help },
  ];
}

export class Welcome {
  node = element(
    "section",
    { class: "panel welcome", hidden: true },
    element("h1", {}, "Nothing recorded yet"),
    element(
      "p",
      {},
      "Start a training that records its episodes. They appear here as soon as the first one is kept. To try it: ",
    ),
    element("pre", {}, "hamlet-recorder demo"),
  );
}
