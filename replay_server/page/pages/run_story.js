/** What happened in a run: its sentence, the episodes that matter, charts, and configurations. */

import { showMessage } from "../shell/dialogs.js";
import { element, setText } from "../shell/dom.js";
import { messageOf } from "../decode/errors.js";
import { explain } from "../shell/tips.js";
import { measureOf } from "../shell/measures.js";
import { fetchCurve, fetchHighlights, fetchRun } from "../source/api.js";
import { CurveView } from "../views/curve_view.js";
import { HighlightCards } from "../views/highlight_cards.js";
import { HistogramView } from "../views/histogram_view.js";
import { RunConfigs } from "../views/run_configs.js";

/** @import { ListState } from "../shell/share.js" */
/** @import { Highlights } from "../source/api.js" */
/** @import { ShownCurve } from "../views/curve_view.js" */

/**
 * @typedef {object} StoryListener
 * @property {(range: ?[number, number]) => void} range of episodes was selected
 * @property {(range: [?number, ?number]) => void} returns a range of returns was selected
 * @property {(episodeId: number) => void} open an episode
 * @property {(measure: string) => void} measure another one is wanted
 * @property {(highlights: Highlights) => void} known the highlights are known
 * @property {(stages: number[]) => void} stages are known
 */

export class RunStory {
  #sentence = element("p", { class: "sentence number" });
  #cards = new HighlightCards();
  #choice = element("select", { class: "select" });
  #measure = element("label", { class: "measure", hidden: true }, "Measure", this.#choice);
  #curve;
  #histogram;
  #configs = new RunConfigs();
  #on;
  #runId = "";
  /** @type {?ListState} */
  #list = null;
  /** What was requested last; answers to earlier requests are ignored. */
  #asked = "";
  /** @type {?{shown: ShownCurve, highlights: Highlights}} */
  #known = null;
  #isClosed = false;

  /** @param {StoryListener} on */
  constructor(on) {
    this.#on = on;
    explain(this.#measure, "What charts and cards show of each episode.");
    this.#choice.addEventListener("change", () => on.measure(this.#choice.value));
    this.#curve = new CurveView({ range: on.range, open: on.open }, this.#measure);
    this.#histogram = new HistogramView({ range: on.returns });
  }

  /** What the page shows, from top to bottom. */
  get nodes() {
    const charts = element(
      "section",
      { class: "panel curve-panel", "aria-label": "Learning curve and distribution" },
      this.#curve.node,
      this.#histogram.node,
    );
    return [this.#sentence, this.#cards.node, charts, this.#configs.node];
  }

  /**
   * Show a run, or the same run with another choice.
   *
   * @param {string} runId
   * @param {ListState} list
   */
  show(runId, list) {
    this.#runId = runId;
    this.#list = list;
    const asked = JSON.stringify([runId, list.measure, list.over]);
    if (asked !== this.#asked) {
      this.#asked = asked;
      this.update();
    } else this.#draw();
  }

  /** Get everything again. */
  async update() {
    const [runId, list, asked] = [this.#runId, this.#list, this.#asked];
    if (!list) return;
    try {
      const highlights = await fetchHighlights(runId, list.measure);
      const { measure } = highlights;
      const [curve, ...others] = await Promise.all(
        [runId, ...list.over].map((each) =>
          fetchCurve(each, measure).catch((error) => this.#without(each, runId, error)),
        ),
      );
      const configs = await Promise.all([runId, ...list.over].map((each) => fetchRun(each).catch(() => null)));
      if (asked !== this.#asked || this.#isClosed || !curve) return;
      this.#known = { shown: { runId, curve, nEpisodes: highlights.n_episodes }, highlights };
      setText(this.#sentence, highlights.sentence);
      this.#cards.show(highlights.highlights);
      this.#offerMeasures(highlights);
      this.#configs.show(configs.filter((each) => each !== null));
      this.#curve.show(this.#known.shown, {
        measure,
        highlights: highlights.highlights,
        others: list.over.flatMap((each, place) => {
          const other = others[place];
          return other ? [{ runId: each, curve: other, nEpisodes: other.episode_id.length }] : [];
        }),
      });
      this.#on.known(highlights);
      const stages = curve.curriculum_stage.filter((stage) => stage !== null);
      this.#on.stages([...new Set(stages)].sort((one, other) => one - other));
      this.#draw();
    } catch (error) {
      if (asked === this.#asked && !this.#isClosed) setText(this.#sentence, messageOf(error));
    }
  }
  close() {
    this.#isClosed = true;
    this.#cards.close();
    this.#curve.close();
    this.#histogram.close();
  }

  /**
   * A run whose curve is laid over may be gone.
   *
   * @param {string} runId
   * @param {string} main the run of the page
   * @param {unknown} error
   */
  #without(runId, main, error) {
    if (runId === main) throw error;
    showMessage(messageOf(error));
    return null;
  }

  /** The selected ranges, and the values of the selected episodes. */
  #draw() {
    if (!this.#known || !this.#list) return;
    const { curve } = this.#known.shown;
    const { measure } = this.#known.highlights;
    const { range, stage, least, most } = this.#list;
    const [first, last] = range ?? [-Infinity, Infinity];
    const chosen = curve.episode_id.flatMap((id, point) =>
      id >= first && id <= last && (stage === "" || curve.curriculum_stage[point] === Number(stage))
        ? [{ total: curve.value[point], isRecorded: curve.recorded[point] }]
        : [],
    );
    const isReturn = measure === "return";
    this.#curve.showRange(range);
    this.#histogram.show(chosen, { title: measureOf(measure).title, isReturn });
    this.#histogram.showRange(isReturn ? [least, most] : [null, null]);
  }

  /** @param {Highlights} highlights */
  #offerMeasures({ measure, measures }) {
    const names = measures.includes(measure) ? measures : [measure, ...measures];
    this.#choice.replaceChildren(...names.map((name) => element("option", { value: name }, measureOf(name).title)));
    this.#choice.value = measure;
    this.#measure.hidden = names.length < 2;
  }
}
