/**
 * The agents of an episode of several: one is selected, and the other views show its numbers. Of many, those with the highest
 * returns have a row, and more on demand.
 */

import { element, setText } from "../shell/dom.js";
import { formatCountOf, formatNumber } from "../shell/numbers.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";
import { agentColour } from "./agent_marks.js";

/** @import { Agent } from "../source/messages.js" */

/** What is known of an agent in the step that is shown. @typedef {{isThere: boolean, returnSoFar: ?number}} AgentState */

/** Agents that have a row at first, and how many times as many one click shows. */
const MOST_ROWS = 32;
const MORE_TIMES = 4;

/** @typedef {{button: HTMLButtonElement, value: HTMLElement, state: HTMLElement}} Row */

export class AgentsView {
  node = element("section", { class: "panel agents", "aria-label": "Agents", hidden: true });
  /** Whether all agents have a trail on the board. */
  hasTrails = false;

  /** @type {Agent[]} */
  #agents = [];
  /** Those that have a row. @type {Agent[]} */
  #shown = [];
  /** @type {Row[]} */
  #rows = [];
  #mostRows = MOST_ROWS;
  /** @type {?Agent} */
  #selected = null;
  #list = element("div", { class: "rows" });
  #more = element("button", {
    type: "button",
    class: "button small",
    hidden: true,
    on: { click: () => this.#showMore() },
  });
  #on;

  /** @param {{pick: (id: string) => void, redraw: () => void}} on called when an agent is picked, and to draw the step anew */
  constructor(on) {
    this.#on = on;
    /** @type {HTMLButtonElement} */
    const trails = element(
      "button",
      {
        type: "button",
        class: "button small",
        "aria-pressed": "false",
        on: { click: () => this.#toggleTrails(trails) },
      },
      "Trails",
    );
    const head = element("div", { class: "agents-head" }, element("h2", {}, "Agents"), trails);
    this.node.append(head, this.#list, this.#more);
  }

  /**
   * Show another table of agents; a live one grows.
   *
   * @param {Agent[]} agents
   */
  open(agents) {
    this.#agents = agents;
    this.node.hidden = !agents.length;
    this.#offer();
  }

  /**
   * @param {?Agent} selected
   * @param {(agent: Agent) => AgentState} stateOf in the step that is shown
   */
  draw(selected, stateOf) {
    const isNew = selected?.id !== this.#selected?.id;
    this.#selected = selected;
    if (isNew) this.#offer();
    this.#rows.forEach(({ button, value, state }, at) => {
      const { isThere, returnSoFar } = stateOf(this.#shown[at]);
      setText(value, formatNumber(returnSoFar));
      setText(state, isThere ? "" : ", absent");
      button.classList.toggle("absent", !isThere);
      const isSelected = this.#shown[at] === selected;
      if (isSelected && button.getAttribute("aria-pressed") !== "true") button.scrollIntoView?.({ block: "nearest" });
      button.setAttribute("aria-pressed", String(isSelected));
    });
  }

  /** Give rows to the agents that are to have one. */
  #offer() {
    const before = this.#shown;
    this.#shown = ranked(this.#agents, this.#mostRows, this.#selected);
    const n = this.#agents.length;
    this.#more.hidden = n <= this.#mostRows;
    setText(this.#more, `Show more of ${formatCountOf(n, "agent")}`);
    const isSame = (/** @type {Agent} */ { id, number }, /** @type {number} */ at) =>
      id === before[at].id && number === before[at].number;
    if (this.#shown.length === before.length && this.#shown.every(isSame)) return; // a button keeps its focus
    this.#rows = this.#shown.map((agent) => this.#row(agent));
    this.#list.replaceChildren(...this.#rows.map(({ button }) => button));
  }

  #showMore() {
    this.#mostRows *= MORE_TIMES;
    this.#offer();
    this.#on.redraw();
  }

  /** @param {Agent} agent */
  #row({ id, team, sign, number }) {
    const value = explain(element("span", { class: "number" }), TERMS.return_so_far.meaning);
    const state = element("span", { class: "sr-only" });
    const button = element(
      "button",
      {
        type: "button",
        class: "row agent",
        title: team ? `${id}, team ${team}` : id,
        "aria-pressed": "false",
        on: { click: () => this.#on.pick(id) },
      },
      element("span", { class: "agent-sign", "aria-hidden": "true" }, sign),
      element("span", { class: "name" }, id, state),
      element("span", { class: "muted" }, team),
      value,
    );
    button.style.setProperty("--own", `var(--${agentColour(number)})`);
    return { button, value, state };
  }

  /** @param {HTMLButtonElement} button */
  #toggleTrails(button) {
    this.hasTrails = !this.hasTrails;
    button.setAttribute("aria-pressed", String(this.hasTrails));
    this.#on.redraw();
  }
}

/**
 * The agents that have a row: all in the order in which they joined, or of more those with the highest returns. The selected
 * one is among them.
 *
 * @param {Agent[]} agents
 * @param {number} most
 * @param {?Agent} selected
 */
export function ranked(agents, most, selected) {
  if (agents.length <= most) return agents;
  const best = [...agents].sort((one, other) => (other.return ?? -Infinity) - (one.return ?? -Infinity)).slice(0, most);
  const chosen = agents.find(({ id }) => id === selected?.id);
  return chosen && !best.includes(chosen) ? [...best, chosen] : best;
}
