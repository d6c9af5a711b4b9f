/** The numbers of the current step and of its episode. */

import { element, setText } from "../shell/dom.js";
import { DECIMALS } from "../shell/looks.js";
import { formatCount, formatMoment, formatNumber, formatValue } from "../shell/numbers.js";
import { arrowOf } from "./directions.js";

/** @import { StepView } from "../player/step_view.js" */
/** @import { Outline } from "../source/outline.js" */

/** @typedef {[name: string, value: HTMLElement|string|null]} Fact what nobody knows is null */

export class InfoView {
  node = element("section", { class: "panel info", "aria-label": "Step and episode" });

  #stepList = element("dl", { class: "facts" });
  #episodeList = element("dl", { class: "facts" });
  /** @type {Map<string, HTMLElement>} */
  #values = new Map();
  /** @type {?Outline} */
  #outline = null;
  #nSteps = element("dd");

  constructor() {
    this.node.append(element("h2", {}, "Step"), this.#stepList, element("h2", {}, "Episode"), this.#episodeList);
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
      ["Task reward", formatNumber(live ? null : metadata.extrinsic_reward)],
      ["Intrinsic reward", formatNumber(live ? null : metadata.intrinsic_reward)],
      ["Intrinsic weight", unlessUnknown(metadata.intrinsic_weight, (weight) => formatNumber(weight, DECIMALS.weight))],
    ];
    /** @type {Fact[]} */
    const facts = [
      ["Return", formatNumber(live ? null : metadata.total_reward)], // until its end nobody knows it
      ...(this.#outline.hasIntrinsic ? intrinsicFacts : []),
      ["Steps", this.#nSteps],
      ["Stage", unlessUnknown(metadata.curriculum_stage, String)],
      ["Lane", String(metadata.lane ?? 0)],
      ["Epsilon", unlessUnknown(metadata.epsilon, (epsilon) => formatNumber(epsilon, DECIMALS.epsilon))],
      [
        "Finished",
        live ? "still running" : formatMoment(metadata.timestamp || (metadata.finished_unix_nanos ?? 0) / 1e9),
      ],
    ];
    const known = facts.filter(([, value]) => value !== null);
    this.#episodeList.replaceChildren(
      ...known.map(([name, value]) =>
        factNode(name, value instanceof HTMLElement ? value : element("dd", {}, value), name === "Finished"),
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
    const { actionNames, substrate } = this.#outline;
    const { actionVector } = step;
    if (actionVector) this.#set("Action", listText(actionVector), { isWide: actionVector.length > 2 });
    else this.#set("Action", actionText(actionNames, step.action));
    if (substrate.position_dim > 0) this.#set("Position", step.position?.length ? listText(step.position) : "—");
    this.#set("Reward", formatNumber(step.reward, DECIMALS.reward));
    if (this.#outline.hasIntrinsic) this.#set("Intrinsic reward", formatNumber(step.intrinsicReward, DECIMALS.reward));
    this.#set("Return so far", formatNumber(step.returnSoFar));
    if (this.#outline.hasIntrinsic) {
      this.#set("Task reward so far", formatNumber(step.rewardSoFar));
      this.#set("Intrinsic reward so far", formatNumber(step.intrinsicSoFar));
    }
    if (step.epsilon !== null) this.#set("Epsilon", formatNumber(step.epsilon, DECIMALS.epsilon));
    for (const [extra, values] of step.extras) this.#set(extra, listText(values), { isWide: values.length > 2 });
    this.#set("End", step.end || "—");
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {{isWide?: boolean}} options
   */
  #set(name, text, { isWide = false } = {}) {
    let node = this.#values.get(name);
    if (!node) {
      node = element("dd");
      this.#values.set(name, node);
      this.#stepList.append(factNode(name, node, isWide));
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
  if (action === null) return "—";
  const name = actionNames[action];

  return name ? `${arrowOf(name)} ${name}`.trim() : `action ${action}`;
}

/**
 * Add a name with its value; a wide one gets a whole line.
 *
 * @param {string} name
 * @param {HTMLElement} value
 */
const factNode = (name, value, isWide = false) =>
  element("div", { class: isWide ? "wide" : "" }, element("dt", {}, name), value);

/** @param {ArrayLike<number>} values */
const listText = (values) => Array.from(values, formatValue).join(", ");
