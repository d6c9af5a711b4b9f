/** The agents of an episode of several: one is selected, and the other views show its numbers. */

import { element, setText } from "../shell/dom.js";
import { formatNumber } from "../shell/numbers.js";
import { explain } from "../shell/tips.js";
import { TERMS } from "../shell/words.js";
import { agentColour } from "./agent_marks.js";

/** @import { Agent } from "../source/messages.js" */

/** What is known of an agent in the step that is shown. @typedef {{isThere: boolean, returnSoFar: ?number}} AgentState */

/** @typedef {{button: HTMLButtonElement, value: HTMLElement, state: HTMLElement}} Row */

export class AgentsView {
  node = element("section", { class: "panel agents", "aria-label": "Agents", hidden: true });
  /** Whether all agents have a trail on the board. */
  hasTrails = false;

  /** @type {Agent[]} */
  #agents = [];
  /** @type {Row[]} */
  #rows = [];
  #list = element("div", { class: "rows" });
  #on;

  /** @param {{pick: (id: string) => void, trails: () => void}} on called when an agent is picked, and for all trails */
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
    this.node.append(head, this.#list);
  }

  /**
   * Show another table of agents; a live one grows.
   *
   * @param {Agent[]} agents
   */
  open(agents) {
    const isSame = agents.length === this.#agents.length && agents.every(({ id }, at) => id === this.#agents[at].id);
    const hasSameLooks = isSame && agents.every(({ number }, at) => number === this.#agents[at].number);
    this.#agents = agents;
    this.node.hidden = !agents.length;
    if (hasSameLooks) return; // a button keeps its focus
    this.#rows = agents.map((agent) => this.#row(agent));
    this.#list.replaceChildren(...this.#rows.map(({ button }) => button));
  }

  /**
   * @param {?Agent} selected
   * @param {(agent: Agent) => AgentState} stateOf in the step that is shown
   */
  draw(selected, stateOf) {
    this.#rows.forEach(({ button, value, state }, at) => {
      const { isThere, returnSoFar } = stateOf(this.#agents[at]);
      setText(value, formatNumber(returnSoFar));
      setText(state, isThere ? "" : ", absent");
      button.classList.toggle("absent", !isThere);
      const isSelected = this.#agents[at] === selected;
      if (isSelected && button.getAttribute("aria-pressed") !== "true") button.scrollIntoView?.({ block: "nearest" });
      button.setAttribute("aria-pressed", String(isSelected));
    });
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
    this.#on.trails();
  }
}
