/** Following a live episode: where to join it, what to fetch while it grows, and when to go on with the next one. */

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Controls } from "./controls.js" */

/** A live episode is shown from its first step if it has fewer steps, 15 s at `LIVE_SPEED`; else from its newest one. */
const MOST_STEPS_BEHIND = 300;

/** How long the last step of a live episode is shown before the next episode. */
const LAST_STEP_MILLIS = 800;

/** Chunks of a live episode to fetch, because Redis deletes them soon after its end. */
const LIVE_CHUNKS_AHEAD = 64;

export class Following {
  /** Episodes of the same lane that have begun since the end of this live one. */
  nEpisodesBehind = 0;

  #store;
  #controls;
  #nextTimer = 0;

  /**
   * @param {EpisodeStore} store
   * @param {Controls} controls
   */
  constructor(store, controls) {
    this.#store = store;
    this.#controls = controls;
  }

  /** Begin with an episode: at its first step, unless it is long or the newest one is wanted. */
  join() {
    const { clock, isInHurry } = this.#controls;
    clock.seek(isInHurry || clock.nSteps > MOST_STEPS_BEHIND ? clock.lastIndex : 0);
    this.#controls.isInHurry = false;
    this.#fetch();
  }

  /** More steps have arrived. */
  grown() {
    if (this.#controls.isFollowing) this.#fetch();
  }

  /** Go on with the run's next episode, after a look at the last step of this one. */
  goOnSoon() {
    const controls = this.#controls;
    if (!controls.isFollowing || !controls.goesOn || this.#nextTimer) return;
    this.#nextTimer = setTimeout(
      () => {
        this.#nextTimer = 0;
        if (controls.isFollowing) this.#store.goOn();
      },
      controls.isInHurry ? 0 : LAST_STEP_MILLIS,
    );
  }
  close() {
    clearTimeout(this.#nextTimer);
  }

  #fetch() {
    this.#store.fetchAhead(this.#controls.clock.index, LIVE_CHUNKS_AHEAD);
  }
}
