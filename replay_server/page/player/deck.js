/** Below the stage: the timeline with its preview, and the transport. */

import { element } from "../shell/dom.js";
import { TimelineView } from "../views/timeline_view.js";
import { TransportView } from "../views/transport_view.js";
import { Preview } from "./preview.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Controls } from "./controls.js" */
/** @import { Following } from "./following.js" */
/** @import { Agent } from "../source/messages.js" */
/** @import { PageActions } from "./player_keys.js" */

export class Deck {
  node = element("div", { class: "panel deck" });
  timeline;

  #store;
  #controls;
  #following;
  #preview;
  #transport;

  /**
   * @param {EpisodeStore} store of the timeline
   * @param {Controls} controls
   * @param {Following} following
   * @param {PageActions & {fullscreen: () => void, shownAgent: () => ?Agent}} page
   */
  constructor(store, controls, following, page) {
    this.#store = store;
    this.#controls = controls;
    this.#following = following;
    this.#preview = new Preview(store, page.shownAgent);
    this.timeline = new TimelineView({
      seek: (index) => controls.seek(index),
      dragging: (isDragging) => controls.drag(isDragging),
      near: (index) => this.#preview.fetch(index),
      hover: (index, place) => this.#preview.show(index, place),
    });
    this.#transport = new TransportView(controls, page);
    this.node.append(this.timeline.node, this.#transport.node);
  }

  /** Whether it can be used: the episode is open. */
  set isUsable(/** @type {boolean} */ isUsable) {
    this.node.classList.toggle("unopened", !isUsable);
  }

  /** Show the clock's step, loop and speed. */
  draw() {
    const { clock, goesOn, isFollowing } = this.#controls;
    const { table, live } = this.#store.opened;
    this.#transport.draw({
      clock,
      number: this.#store.nSteps ? table.numberOf(clock.index) : 0,
      last: Math.max(0, table.endStep - 1),
      canGoLive: live || goesOn,
      isFollowing,
      behind: {
        nEpisodes: this.#following.nEpisodesBehind,
        nSteps: live ? clock.lastIndex - clock.index : 0,
      },
    });
    this.timeline.draw(clock.position);
  }

  /** Mark on the timeline what the clock repeats and skips. */
  mark() {
    const { loop, dullSpans } = this.#controls.clock;
    this.timeline.mark({ loop, skipsDull: dullSpans !== null });
  }

  close() {
    this.timeline.close();
    this.#preview.close();
  }
}
