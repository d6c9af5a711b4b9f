/**
 * One episode on the page: the stage with its clock and action, meters, Q-values and facts. A comparison has two panes.
 */

import { actionsOf } from "./agent_row.js";
import { element, setText } from "../shell/dom.js";
import { formatMeter, formatNumber } from "../shell/numbers.js";
import { prefersLessMotion } from "../shell/theme.js";
import { Caption } from "../views/caption.js";
import { DayClock } from "../views/day_clock.js";
import { foldable } from "../views/folding.js";
import { GridView, TRAIL_STEPS } from "../views/grid_view.js";
import { HistoryView } from "../views/history_view.js";
import { InfoView, actionText } from "../views/info_view.js";
import { MetersView } from "../views/meters_view.js";
import { PictureView } from "../views/picture_view.js";
import { QValuesView } from "../views/q_values_view.js";
import { TextsView } from "../views/texts_view.js";
import { AgentChoice } from "./agent_choice.js";
import { readStep, readTrail } from "./step_view.js";

/** @import { StepView } from "./step_view.js" */

export class Pane {
  node;

  /** The step that the numbers show: the episode's, or that of the selected agent. @type {?StepView} */
  shown = null;

  agents;

  #grid;
  #picture = new PictureView();
  #history = new HistoryView();
  #clock = new DayClock();
  #title = element("strong", { class: "pane-title", hidden: true });
  #action = element("span", { class: "stage-action" });
  #progress = element("span", { class: "stage-progress number" });
  #message = element("p", { class: "stage-message", hidden: true });
  #caption = new Caption();
  #stage;
  #side;
  #meters;
  #qValues = new QValuesView();
  #texts;
  #info = new InfoView();
  #hasGrid = true;
  #shownIndex = -1;
  #lastMove = "";
  /** Indexes of the steps whose differences are shown. */
  #comparedPair = "";

  /**
   * @param {import("../source/episode_store.js").EpisodeStore} store
   * @param {{meters: ?(meters: Set<number>) => void, agent: (id: string) => void, seek: (index: number) => void}} on called
   *   with the meters whose curves the timeline shows, with the agent that a person picks, and with the index of a step
   *   of this episode to go to
   */
  constructor(store, on) {
    this.store = store;
    this.agents = new AgentChoice(store, { pick: on.agent, redraw: () => this.#redraw() });
    this.#grid = new GridView({ onPick: on.agent });
    this.#meters = new MetersView(on.meters);
    this.#texts = new TextsView(on.seek);
    this.#stage = element(
      "section",
      { class: "panel stage", "aria-label": "Stage" },
      element(
        "div",
        { class: "stage-head" },
        this.#title,
        this.#clock.node,
        this.#action,
        this.#progress,
        this.#picture.choices,
      ),
      this.#grid.node,
      this.#picture.node,
      this.#history.node,
      this.#message,
      this.#caption.node,
    );
    this.#side = element(
      "div",
      { class: "pane-side", role: "group", tabIndex: 0, "aria-label": "Numbers" },
      this.agents.node,
      foldable(this.#texts.node, "texts"),
      foldable(this.#meters.node, "meters"),
      foldable(this.#qValues.node, "Q-values"),
      foldable(this.#info.node, "facts"),
    );
    this.node = element("div", { class: "pane unopened" }, this.#stage, this.#side);
  }

  /**
   * Show the numbers of another agent, if the episode has it.
   *
   * @param {string} id
   */
  selectAgent(id) {
    if (!this.agents.choose(id)) return;
    this.#openNumbers();
    this.#redraw();
  }

  /** Show the episode that the store has opened. */
  open() {
    const { opened: outline } = this.store;
    this.#shownIndex = -1;
    this.#lastMove = "";
    this.agents.begin();
    this.#grid.open(outline);
    this.#picture.open(outline, this.agents.agent);
    this.#picture.onChoice = () => {
      this.#setStage();
      this.#redraw();
    };
    this.#setStage();
    this.#clock.open(outline);
    this.#meters.open(outline);
    this.#texts.open(this.store);
    this.#info.open(outline);
    this.#openNumbers();
    this.node.classList.remove("unopened");
    this.say(outline.table.nSteps === 0 && !outline.live ? "This episode has no steps." : "");
  }

  /** @param {HTMLElement} panel */
  add(panel) {
    this.#side.prepend(panel);
  }

  /** Name the episode, because there are two. */
  entitle() {
    const { episodeId, metadata, live } = this.store.opened;
    const name = `Episode ${episodeId}`;
    setText(this.#title, live ? name : `${name} · return ${formatNumber(metadata.total_reward)}`);
    this.#title.hidden = false;
    for (const panel of this.node.querySelectorAll("section[aria-label]")) {
      const label = panel.getAttribute("aria-label")?.replace(/ of episode \d+$/, "");
      panel.setAttribute("aria-label", `${label} of episode ${episodeId}`);
    }
    this.#side.setAttribute("aria-label", `Numbers of episode ${episodeId}`);
  }

  /** @param {HTMLElement} node something to show over the stage */
  cover(node) {
    this.#stage.append(node);
  }

  /** The episode's metadata has changed. */
  describe() {
    this.#info.describe();
    this.agents.open();
  }

  /**
   * Show a sentence on the stage; empty to remove it.
   *
   * @param {string} text
   */
  say(text) {
    setText(this.#message, text);
    this.#message.hidden = text === "";
    this.node.classList.toggle("speaking", text !== "");
  }

  /**
   * Show what happens in this step for a moment.
   *
   * @param {string} text
   */
  caption(text) {
    this.#caption.show(text);
  }

  /**
   * Steps have arrived: clear the error once the wanted step, if any, is loaded.
   *
   * @param {?number} index
   */
  recover(index) {
    if (index !== null && this.store.chunkAt(index)) this.say("");
  }

  /**
   * Draw a step, with the agent a share of the way to the next one.
   *
   * @param {number} index
   * @param {number} share
   * @returns {?StepView} null if the step is not loaded
   */
  draw(index, share) {
    if (this.store.opened.live) this.#grow();
    const step = readStep(this.store, index);
    if (!step) return null;
    const next = share > 0 ? readStep(this.store, index + 1) : null;
    // Set texts before measuring canvases, because measuring lays the page out, and a later text would do so again.
    if (index !== this.#shownIndex) {
      this.#shownIndex = index;
      const chunk = this.store.chunkAt(index);
      const { agent } = this.agents;
      if (chunk && this.#picture.find(chunk, agent)) this.#setStage();
      this.shown = agent ? readStep(this.store, index, agent) : step;
      this.#drawNumbers(this.shown ?? step, index > 0 ? readStep(this.store, index - 1, agent) : null);
    }
    const move = `${index} ${prefersLessMotion() || !next ? 0 : share}`;
    if (move !== this.#lastMove) {
      this.#lastMove = move;
      if (this.#picture.isShown) this.#picture.draw(this.store, index);
      else if (this.#hasGrid) this.#drawBoard(step, next, prefersLessMotion() ? 0 : share);
    }
    if (!this.#hasGrid && !this.#picture.isShown) this.#history.draw(this.store, index);
    return step;
  }

  /**
   * Show in the numbers how the drawn step differs from the other episode's.
   *
   * @param {StepView} step
   * @param {StepView} other
   * @param {import("../source/episode_store.js").EpisodeStore} otherStore
   */
  differ(step, other, otherStore) {
    const { opened } = otherStore;
    const pair = `${step.index} ${other.index} ${opened.episodeId}`;
    if (pair === this.#comparedPair) return;
    this.#comparedPair = pair;
    this.#meters.differ(step, other, opened);
    this.#qValues.differ(step, other, opened);
    this.#info.differ(step, other);
    this.#texts.differ(otherStore, other.index);
  }
  close() {
    this.#caption.close();
    this.#picture.close();
    this.#grid.close();
    this.#history.close();
    this.store.close();
  }

  /** Show the picture, the board, or curves of an episode that has neither. */
  #setStage() {
    const hasPicture = this.#picture.isShown;
    this.#hasGrid = this.store.opened.substrate.position_dim > 0;
    this.#picture.node.hidden = !hasPicture;
    this.#grid.node.hidden = hasPicture || !this.#hasGrid;
    this.#history.node.hidden = hasPicture || this.#hasGrid;
  }

  /** Open what depends on the agent. */
  #openNumbers() {
    const { opened: outline } = this.store;
    const { agent } = this.agents;
    this.#history.open(outline, agent);
    this.#qValues.open(outline, agent);
    this.#info.entitle(agent);
  }

  /** A live episode has more steps, and perhaps more agents. */
  #grow() {
    this.#info.grow();
    this.agents.open();
  }

  /**
   * @param {StepView} step
   * @param {?StepView} next
   * @param {number} share
   */
  #drawBoard(step, next, share) {
    const figures = this.agents.figures(step.index, share > 0);
    const trail = figures ? [] : readTrail(this.store, step.index, TRAIL_STEPS);
    this.#grid.draw(step, next, share, trail, figures);
  }

  #redraw() {
    const index = this.#shownIndex;
    this.#shownIndex = -1;
    this.#lastMove = "";
    if (index >= 0) this.draw(index, 0);
  }

  /**
   * @param {StepView} step
   * @param {?StepView} previous
   */
  #drawNumbers(step, previous) {
    const { agent } = this.agents;
    this.agents.draw(step.index);
    this.#clock.draw(step);
    this.#meters.draw(step, previous);
    this.#qValues.draw(step);
    this.#texts.draw(this.store, step.index);
    this.#info.draw(step);
    const action = step.actionVector ? "" : actionText(actionsOf(this.store.opened, agent).names, step.action);
    setText(this.#action, agent ? `${agent.id}: ${this.agents.isThere(step.index) ? action : "absent"}` : action);
    const progress = step.progress ?? 0;
    setText(this.#progress, progress > 0 ? formatMeter(Math.min(1, progress), [0, 1]) : "");
  }
}
