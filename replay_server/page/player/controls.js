/**
 * The player's controls. Each method is a button, a key, or a pointer on the timeline: it moves the clock and calls
 * `onRest`.
 */

import { BASE_STEPS_PER_SEC, PlaybackClock } from "../playback/clock.js";
import { neighbourMarker } from "../playback/markers.js";
import { showMessage } from "../shell/dialogs.js";

/** Seconds that the arrows move by while playing. */
const ARROW_SECS = 5;

export class Controls {
  clock = new PlaybackClock();
  /** Play a live episode as it arrives, and go on with the next one of its run. */
  isFollowing = false;
  /** Whether the run's next episode can be followed when a live one ends. */
  goesOn = false;
  /** Whether the next episode is wanted now, from its newest step. */
  isInHurry = false;

  #store;
  #onRest;
  #resumesAfterDrag = false;

  /**
   * @param {import("../source/episode_store.js").EpisodeStore} store the episode on the timeline
   * @param {function(): void} onRest called when playback paused, moved, or changed its mode
   */
  constructor(store, onRest) {
    this.#store = store;
    this.#onRest = onRest;
  }

  /**
   * Apply a link's settings except its step; `selection` is in step numbers.
   *
   * @param {{loops: boolean, selection: ?[number, number], skipsDull: boolean, autoplay: boolean}} start
   */
  begin({ loops, selection, skipsDull, autoplay }) {
    const { table } = this.#store;
    if (loops) this.setLoop([0, this.clock.lastIndex]);
    if (selection) this.setLoop([table.indexOf(selection[0]), table.indexOf(selection[1])]);
    if (skipsDull !== (this.clock.dullSpans !== null)) this.toggleSkip();
    if (autoplay) this.play();
  }

  /**
   * Step numbers of the loop, or null.
   *
   * @returns {?[number, number]}
   */
  get selection() {
    const { loop } = this.clock;
    return loop && [this.#store.table.numberOf(loop[0]), this.#store.table.numberOf(loop[1])];
  }

  togglePlay() {
    if (this.clock.isPlaying || this.isFollowing) this.pause();
    else this.play();
  }

  play() {
    this.clock.play();
    this.#onRest();
  }

  pause() {
    this.clock.pause();
    this.isFollowing = false;
    this.#onRest();
  }

  /**
   * Pause and move by `n` steps; back if negative.
   *
   * @param {number} n
   */
  step(n) {
    this.clock.step(n);
    this.isFollowing = false;
    this.#onRest();
  }

  /**
   * Go to the step with this index; continue playing if it was playing, unless it followed a run.
   *
   * @param {number} index
   */
  seek(index) {
    if (this.isFollowing) this.clock.pause();
    this.clock.seek(index);
    this.isFollowing = false;
    this.#onRest();
  }

  /**
   * Playback pauses while the pointer drags the timeline.
   *
   * @param {boolean} isDragging
   */
  drag(isDragging) {
    if (isDragging) {
      this.#resumesAfterDrag = this.clock.isPlaying && !this.isFollowing;
      this.clock.pause();
    } else if (this.#resumesAfterDrag) {
      this.play();
    }
  }

  /**
   * Move by a share of the episode; back if negative.
   *
   * @param {number} share
   */
  seekShare(share) {
    this.seek(this.clock.index + Math.round(share * this.clock.nSteps));
  }

  /**
   * The arrow keys: one step while paused, seconds while playing.
   *
   * @param {number} direction
   */
  arrow(direction) {
    const n = Math.max(1, Math.round(ARROW_SECS * BASE_STEPS_PER_SEC * this.clock.speed));
    if (this.clock.isPlaying) this.seek(this.clock.index + direction * n);
    else this.step(direction);
  }

  /** Go to the end. For a live episode, follow it; at the end of an ended one, follow its run. */
  toEnd() {
    if (this.clock.isLive || (this.goesOn && this.clock.isAtEnd)) this.follow();
    else this.seek(this.clock.lastIndex);
  }

  /** Go to the newest step of a live episode and play what arrives; for an ended one, go to the newest episode. */
  follow() {
    this.clock.pause();
    this.clock.seek(this.clock.lastIndex);
    this.isFollowing = true;
    this.isInHurry = !this.clock.isLive;
    if (this.clock.isLive) this.clock.play();
    this.#onRest();
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this.clock.speed = speed;
    this.#onRest();
  }

  /** @param {number} direction */
  changeSpeed(direction) {
    this.clock.changeSpeed(direction);
    this.#onRest();
  }

  /** @param {-1|1} direction */
  toMarker(direction) {
    const marker = neighbourMarker(this.#store.outline ? this.#store.markers : [], this.clock.index, direction);
    if (marker) this.seek(marker.index);
  }

  /** The loop button: sets the start, then the end, then clears the loop. */
  loopOn() {
    const { loop, index, lastIndex } = this.clock;
    if (loop === null) this.loopFrom();
    else if (index > loop[0] && loop[1] === lastIndex) this.loopTo();
    else this.setLoop(null);
  }

  loopFrom() {
    const { loop, index, lastIndex } = this.clock;
    this.setLoop([index, Math.max(index + 1, loop?.[1] ?? lastIndex)]);
  }

  loopTo() {
    const { loop, index } = this.clock;
    this.setLoop([Math.min(loop?.[0] ?? 0, Math.max(0, index - 1)), index]);
  }

  /**
   * Loop between two indexes, both included; null to clear.
   *
   * @param {?[number, number]} loop
   */
  setLoop(loop) {
    this.clock.loop = loop;
    this.#onRest();
  }

  toggleSkip() {
    const { outline } = this.#store;
    if (!this.clock.dullSpans && outline && !outline.live && outline.dull.length === 0)
      showMessage("Nothing is dull in this episode: there is nothing to skip.");
    this.clock.dullSpans = this.clock.dullSpans ? null : (outline?.dull ?? []);
    this.#onRest();
  }
}
