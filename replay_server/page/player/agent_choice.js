/** The agent whose numbers a pane shows, of an episode of several, and the list from which a person chooses it. */

import { AgentsView } from "../views/agents_view.js";
import { TRAIL_STEPS } from "../views/grid_view.js";
import { agentReturn, isPresent } from "./agent_row.js";
import { readFigures } from "./figures.js";
import { firstAgent } from "./picture_source.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Figure } from "./figures.js" */
/** @import { Agent } from "../source/messages.js" */

export class AgentChoice {
  /** Id of the agent that a person or a link has chosen; empty for none. */
  pickedId = "";

  #store;
  #view;
  /** Of the agent that is shown until a person picks one; in a live episode another one may earn more later. */
  #firstId = "";
  /** What was read last, and for what: between two steps, every frame draws the same. @type {?Figure[]} */
  #figures = null;
  /** @type {unknown[]} */
  #readFor = [];

  /**
   * @param {EpisodeStore} store
   * @param {{pick: (id: string) => void, redraw: () => void}} on called when a person picks an agent, and to draw anew
   */
  constructor(store, on) {
    this.#store = store;
    this.#view = new AgentsView(on);
  }

  /** The list's element. */
  get node() {
    return this.#view.node;
  }

  /** The chosen agent; null in an episode of one agent. @type {?Agent} */
  get agent() {
    const { opened } = this.#store;
    const find = (/** @type {string} */ wanted) => opened.agents.find(({ id }) => id === wanted);
    const picked = find(this.pickedId) ?? find(this.#firstId);
    if (picked) return picked;
    this.#firstId = opened.shownAgent ?? "";
    return firstAgent(opened);
  }

  /** Its id; null in an episode of one agent, and before the episode is open. */
  get id() {
    return this.#store.outline ? (this.agent?.id ?? null) : null;
  }

  /**
   * Choose an agent. Returns whether the episode has it.
   *
   * @param {string} id
   */
  choose(id) {
    this.pickedId = id;
    return this.#store.outline !== null && this.agent?.id === id;
  }

  /**
   * The id of the agent after the chosen one, or before it; null in an episode of one agent.
   *
   * @param {-1|1} direction
   */
  neighbour(direction) {
    const { agents } = this.#store.opened;
    const at = agents.findIndex((agent) => agent === this.agent);
    return agents.length ? agents[(at + direction + agents.length) % agents.length].id : null;
  }

  /** Another episode is shown. */
  begin() {
    this.#firstId = "";
    this.open();
  }

  /** The outline has other agents, or more. */
  open() {
    this.#view.open(this.#store.opened.agents);
  }

  /**
   * Show a step in the list.
   *
   * @param {number} index
   */
  draw(index) {
    this.#view.draw(this.agent, (each) => ({
      isThere: this.isThere(index, each),
      returnSoFar: agentReturn(this.#store, each, index),
    }));
  }

  /**
   * What the board shows of a step; null for an episode of one agent.
   *
   * @param {number} index
   * @param {boolean} hasNext whether the agents move to the next step
   */
  figures(index, hasNext) {
    const { hasTrails } = this.#view;
    const selected = this.agent;
    const isLast = index + 1 >= this.#store.nSteps;
    const chunks = [this.#store.chunkAt(index), isLast ? null : this.#store.chunkAt(index + 1)];
    const wanted = [index, hasNext, hasTrails, selected, ...chunks];
    if (wanted.some((part, at) => part !== this.#readFor[at])) {
      this.#readFor = wanted;
      this.#figures = readFigures(this.#store, index, { selected, hasNext, hasTrails, trailSteps: TRAIL_STEPS });
    }
    return this.#figures;
  }

  /**
   * Whether an agent takes part in a step.
   *
   * @param {number} index
   * @param {?Agent} agent by default the chosen one
   */
  isThere(index, agent = this.agent) {
    const chunk = this.#store.chunkAt(index);
    if (!chunk || !agent) return false;
    const { table } = this.#store;
    return isPresent(chunk, agent, index - table.chunks[table.positionOf(index)].firstIndex);
  }
}
