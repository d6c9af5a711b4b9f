/** The panes of the player: one episode, or two compared ones and their alignment. */

import { element } from "../shell/dom.js";
import { Pane } from "./pane.js";

/** @import { PlaybackClock } from "../playback/clock.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */

export class Panes {
  node;
  /** The first pane's episode is the one of the clock and the timeline. */
  list;

  #clock;
  #onAgent;
  #offset = 0;

  /**
   * @param {EpisodeStore[]} stores one, or two to compare
   * @param {PlaybackClock} clock
   * @param {{panels: ?string[], agentId: ?string, onMeters: (meters: Set<number>) => void, onAgent: (id: string) => void,
   *   seek: (index: number) => void}} options panels to show, null for all; called with the meters whose curves the timeline
   *   shows, and with the agent that is selected; move the clock
   */
  constructor(stores, clock, { panels, agentId, onMeters, onAgent, seek }) {
    this.#clock = clock;
    this.#onAgent = onAgent;
    this.list = stores.map((store, number) => {
      const meters = number === 0 ? onMeters : null;
      return new Pane(store, {
        meters,
        agent: (id) => this.selectAgent(id),
        seek: (index) => seek(number === 0 ? index : this.#indexOfClock(store, index)),
      });
    });
    if (agentId !== null) for (const pane of this.list) pane.selectAgent(agentId);
    this.node = element("div", { class: stores.length > 1 ? "panes compared" : "panes" });
    this.node.append(...this.list.map(({ node }) => node));
    if (panels) this.node.dataset.panels = panels.join(" ");
  }

  get stores() {
    return this.list.map(({ store }) => store);
  }

  /**
   * Add `offset` to the first episode's step numbers to get those of the second.
   *
   * @param {number} offset
   */
  alignBy(offset) {
    this.#offset = offset;
  }

  /**
   * Show the numbers of an agent in all panes whose episode has it.
   *
   * @param {string} id
   */
  selectAgent(id) {
    for (const pane of this.list) pane.selectAgent(id);
    this.#onAgent(id);
  }

  /**
   * Draw the clock's step in all panes, with the agent a share of the way to the next one.
   *
   * @param {number} share
   */
  draw(share) {
    return this.list.map((pane, number) => {
      const index = this.indexFor(number, this.#clock.index);
      if (index === null) return null;
      pane.store.want(index);
      const isAtEnd = index >= pane.store.nSteps - 1;
      return pane.draw(index, isAtEnd ? 0 : share);
    });
  }

  /**
   * Convert an index of the clock to one of a pane's episode; null if that episode is not open.
   *
   * @param {number} number of the pane
   * @param {number} index
   */
  indexFor(number, index) {
    const { store } = this.list[number];
    if (!store.nSteps) return null;
    const { table } = this.list[0].store;
    return number === 0 ? index : store.table.indexOf(Math.max(0, table.numberOf(index) + this.#offset));
  }

  /**
   * The reverse for the second pane.
   *
   * @param {EpisodeStore} store
   * @param {number} index
   */
  #indexOfClock(store, index) {
    return this.list[0].store.table.indexOf(Math.max(0, store.table.numberOf(index) - this.#offset));
  }

  /**
   * Whether the step with this index is loaded in all panes; if not, load it before all others.
   *
   * @param {number} index
   */
  isLoaded(index) {
    const missing = this.list.filter(({ store }, number) => {
      const own = this.indexFor(number, Math.min(index, this.#clock.lastIndex));
      if (own === null || store.chunkAt(own)) return false;
      store.want(own);
      return true;
    });
    return missing.length === 0;
  }

  close() {
    for (const pane of this.list) pane.close();
  }
}
