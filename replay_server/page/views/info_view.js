/** The numbers of the step that is shown, and of its episode. */

import { element, setText } from "../shell/dom.js";
import { formatCount, formatMoment, formatNumber } from "../shell/numbers.js";
import { arrowOf } from "./directions.js";

export class InfoView {
  node = element("section", { class: "panel info", "aria-label": "Step and episode" });

  #stepList = element("dl", { class: "facts" });
  #episodeList = element("dl", { class: "facts" });
  #values = new Map();
  #outline = null;
  #nSteps = null;

  constructor() {
    this.node.append(element("h2", {}, "Step"), this.#stepList, element("h2", {}, "Episode"), this.#episodeList);
  }

  /** Show another episode. */
  open(outline) {
    this.#outline = outline;
    this.#values.clear();
    this.#stepList.replaceChildren();
    this.describe();
  }

  /** Show the episode's own facts, anew when its metadata changed. */
  describe() {
    const { metadata, table, live } = this.#outline;
    const told = (value, text) => (value === null || value === undefined ? null : text(value));
    const facts = [
      ["Return", formatNumber(live ? null : metadata.total_reward)], // until its end nobody knows it
      ...(this.#outline.hasIntrinsic
        ? [
            ["Task reward", formatNumber(live ? null : metadata.extrinsic_reward)],
            ["Intrinsic reward", formatNumber(live ? null : metadata.intrinsic_reward)],
            ["Weight of intrinsic", told(metadata.intrinsic_weight, (weight) => formatNumber(weight, 3))],
          ]
        : []),
      ["Steps", formatCount(table.nSteps)],
      ["Stage", told(metadata.curriculum_stage, String)],
      ["Lane", String(metadata.lane ?? 0)],
      ["Exploration", told(metadata.epsilon, (epsilon) => formatNumber(epsilon, 3))],
      [
        "Finished",
        live ? "still running" : formatMoment(metadata.timestamp || (metadata.finished_unix_nanos ?? 0) / 1e9),
      ],
    ].filter(([, text]) => text !== null);
    this.#episodeList.replaceChildren(
      ...facts.map(([name, value]) => factNode(name, element("dd", {}, value), name === "Finished")),
    );
    this.#nSteps = this.#episodeList.children[facts.findIndex(([name]) => name === "Steps")].lastChild;
  }

  /** Steps have come to an episode that is still being recorded. */
  grow() {
    setText(this.#nSteps, formatCount(this.#outline.table.nSteps));
  }

  /** Show a step. */
  draw(step) {
    const name = this.#outline.actionNames[step.action];
    const { actionVector } = step;
    if (actionVector) this.#set("Action", listText(actionVector), { isWide: actionVector.length > 2 });
    else this.#set("Action", actionText(name, step.action));
    if (this.#outline.substrate.position_dim > 0)
      this.#set("Position", step.position?.length ? listText(step.position) : "—");
    this.#set("Reward", formatNumber(step.reward, 3));
    if (this.#outline.hasIntrinsic) this.#set("Intrinsic reward", formatNumber(step.intrinsicReward, 3));
    this.#set("Return so far", formatNumber(step.returnSoFar, 3));
    if (this.#outline.hasIntrinsic) {
      this.#set("Task reward so far", formatNumber(step.rewardSoFar, 3));
      this.#set("Intrinsic so far", formatNumber(step.intrinsicSoFar, 3));
    }
    if (step.epsilon !== null) this.#set("Exploration", formatNumber(step.epsilon, 3));
    for (const [extra, values] of step.extras) this.#set(extra, listText(values), { isWide: values.length > 2 });
    this.#set("End", step.end || "—");
  }

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

/** An action's name with an arrow, or its number. */
export function actionText(name, action) {
  if (action === null) return "—";
  return name ? `${arrowOf(name)} ${name}`.trim() : `action ${action}`;
}

/** A name with its value; one that is wide has a line of its own. */
const factNode = (name, value, isWide = false) =>
  element("div", { class: isWide ? "wide" : "" }, element("dt", {}, name), value);

const listText = (values) =>
  Array.from(values, (value) => formatNumber(value, Number.isInteger(value) ? 0 : 3)).join(", ");
