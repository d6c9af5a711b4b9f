/** The numbers of the current step and of its episode. */

import { actionsOf } from "../player/agent_row.js";
import { element, setText } from "../shell/dom.js";
import { DECIMALS } from "../shell/looks.js";
import { formatChange, formatCount, formatMoment, formatNumber, formatValue } from "../shell/numbers.js";
import { explain } from "../shell/tips.js";
import { END_WORDS, TERMS } from "../shell/words.js";
import { showDifference } from "./difference.js";
import { arrowOf } from "./directions.js";

/** @import { StepView } from "../player/step_view.js" */
/** @import { Outline } from "../source/outline.js" */

/** @typedef {keyof typeof TERMS} TermName */

/** @typedef {[name: TermName, value: HTMLElement|string|null]} Fact what nobody knows is null */

export class InfoView {
  node = element("section", { class: "panel info", "aria-label": "Step and episode" });

  #stepList = element("dl", { class: "facts" });
  #episodeList = element("dl", { class: "facts" });
  /** @type {Map<string, HTMLElement>} */
  #values = new Map();
  /** @type {Map<string, HTMLElement>} */
  #changes = new Map();
  /** @type {?Outline} */
  #outline = null;
  /** Whose step it is, of several. @type {?import("../source/messages.js").Agent} */
  #agent = null;
  #nSteps = element("dd");
  #stepTitle = element("h2", {}, "Step");

  constructor() {
    this.node.append(this.#stepTitle, this.#stepList, element("h2", {}, "Episode"), this.#episodeList);
  }

  /**
   * Say whose step is shown, and forget the facts of another agent.
   *
   * @param {?import("../source/messages.js").Agent} agent null in an episode of one agent
   */
  entitle(agent) {
    this.#agent = agent;
    setText(this.#stepTitle, agent === null ? "Step" : `Step of ${agent.id}`);
    this.#values.clear();
    this.#stepList.replaceChildren();
  }

  /** @param {Outline} outline */
  open(outline) {
    this.#outline = outline;
    this.#values.clear();
    this.#stepList.replaceChildren();
    this.describe();
  }

  /** Show the episode's facts; call it again when its metadata changes. */
  describe() {
    if (!this.#outline) return;
    const { metadata, live } = this.#outline;
    /** @type {function(?number|undefined, function(number): string): ?string} */
    const unlessUnknown = (value, text) => (value === null || value === undefined ? null : text(value));
    this.#nSteps = element("dd");
    this.grow();
    /** @type {Fact[]} */
    const intrinsicFacts = [
      ["task", formatNumber(live ? null : metadata.extrinsic_reward)],
      ["intrinsic", formatNumber(live ? null : metadata.intrinsic_reward)],
      ["weight", unlessUnknown(metadata.intrinsic_weight, (weight) => formatNumber(weight, DECIMALS.weight))],
    ];
    const finishedAt = metadata.timestamp || (metadata.finished_unix_nanos ?? 0) / 1e9;
    /** @type {Fact[]} */
    const facts = [
      ["return", formatNumber(live ? null : metadata.total_reward)], // until its end nobody knows it
      ...(this.#outline.hasIntrinsic ? intrinsicFacts : []),
      ["steps", this.#nSteps],
      ["stage", unlessUnknown(metadata.curriculum_stage, String)],
      ["lane", metadata.lane ? String(metadata.lane) : null], // 0 is also the lane of a single environment
      ["epsilon", unlessUnknown(metadata.epsilon, (epsilon) => formatNumber(epsilon, DECIMALS.epsilon))],
      ["finished", live ? "still running" : unlessUnknown(finishedAt || null, formatMoment)],
    ];
    const known = facts.filter(([, value]) => value !== null);
    this.#episodeList.replaceChildren(
      ...known.map(([name, value]) =>
        factNode(
          name,
          TERMS[name].title,
          value instanceof HTMLElement ? value : element("dd", {}, value),
          name === "finished",
        ),
      ),
    );
  }

  /** A live episode has new steps. */
  grow() {
    if (this.#outline) setText(this.#nSteps, formatCount(this.#outline.table.nSteps));
  }

  /** @param {StepView} step */
  draw(step) {
    if (!this.#outline) return;
    const { substrate } = this.#outline;
    const { actionVector } = step;
    if (actionVector) this.#set("action", listText(actionVector), { isWide: actionVector.length > 2 });
    else this.#set("action", actionText(actionsOf(this.#outline, this.#agent).names, step.action));
    if (substrate.position_dim > 0) this.#set("position", step.position?.length ? listText(step.position) : "—");
    this.#set("reward", formatNumber(step.reward, DECIMALS.reward));
    if (this.#outline.hasIntrinsic) this.#set("step_intrinsic", formatNumber(step.intrinsicReward, DECIMALS.reward));
    this.#set("return_so_far", formatNumber(step.returnSoFar));
    if (this.#outline.hasIntrinsic) {
      this.#set("task_so_far", formatNumber(step.rewardSoFar));
      this.#set("intrinsic_so_far", formatNumber(step.intrinsicSoFar));
    }
    if (step.epsilon !== null) this.#set("epsilon", formatNumber(step.epsilon, DECIMALS.epsilon));
    for (const [extra, values] of step.extras)
      this.#set("extra", listText(values), { title: extra, isWide: values.length > 2 });
    this.#set("end", step.end ? END_WORDS[/** @type {keyof typeof END_WORDS} */ (step.end)] : "—");
  }

  /**
   * Show how the step's action, reward and return differ from those of another episode.
   *
   * @param {StepView} step
   * @param {StepView} other
   */
  differ(step, other) {
    this.#differ("action", [step.action, other.action], () => "");
    const isThere = String(step.position) === String(other.position);
    this.#differ("position", [0, isThere ? 0 : NaN], () => "");
    this.#differ("reward", [step.reward, other.reward], (difference) => formatChange(difference, DECIMALS.reward));
    this.#differ("return_so_far", [step.returnSoFar, other.returnSoFar], (difference) => formatChange(difference));
  }

  /**
   * @param {TermName} name
   * @param {[?number, ?number]} values
   * @param {(difference: number) => string} format
   */
  #differ(name, values, format) {
    const value = this.#values.get(`${name} ${TERMS[name].title}`);
    const row = value?.parentElement;
    if (!value || !row) return;
    let change = this.#changes.get(name);
    if (!change || !row.contains(change)) {
      change = element("dd", { class: "change" });
      this.#changes.set(name, change);
      row.append(change);
    }
    showDifference(row, change, values, format);
  }

  /**
   * @param {TermName} name
   * @param {string} text
   * @param {{title?: string, isWide?: boolean}} options
   */
  #set(name, text, { title = TERMS[name].title, isWide = false } = {}) {
    const key = `${name} ${title}`;
    let node = this.#values.get(key);
    if (!node) {
      node = element("dd");
      this.#values.set(key, node);
      this.#stepList.append(factNode(name, title, node, isWide));
    }
    setText(node, text);
  }
}

/**
 * An action's name with an arrow, or its number.
 *
 * @param {string[]} actionNames
 * @param {?number} action
 */
export function actionText(actionNames, action) {
  if (action === null || Number.isNaN(action)) return "—";
  const name = actionNames[action];

  return name ? `${arrowOf(name)} ${name}`.trim() : `action ${action}`;
}

/**
 * A name with its explanation, and its value; a wide one gets a whole line.
 *
 * @param {TermName} name
 * @param {string} title
 * @param {HTMLElement} value
 */
const factNode = (name, title, value, isWide = false) =>
  explain(element("div", { class: isWide ? "wide" : "" }, element("dt", {}, title), value), TERMS[name].meaning);

/** @param {ArrayLike<number>} values */
const listText = (values) => Array.from(values, formatValue).join(", ");
