/**
 * What a person does to playback: each method is a button, a key, or a pointer on the timeline. It moves the clock, and
 * tells that it did.
 */

import { BASE_STEPS_PER_SEC, PlaybackClock } from "../playback/clock.js";
import { neighbourMarker } from "../playback/markers.js";

/** How far the arrows go while playing. */
const ARROW_SECS = 5;

export class Controls {
  clock = new PlaybackClock();
  /** Stick to the newest step of a live episode. */
  isFollowing = false;
  /** When a live episode ends, the run's next one can be followed. */
  goesOn = false;

  #store;
  #onRest;
  #resumesAfterDrag = false;

  /**
   * @param {import("../source/episode_store.js").EpisodeStore} store the episode that the timeline shows
   * @param {function(): void} onRest called when playback came to rest, was moved, or plays in another way
   */
  constructor(store, onRest) {
    this.#store = store;
    this.#onRest = onRest;
  }

  /**
   * Do what a link asked for, beside its step, which is shown already; `selection` is in step numbers.
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

  togglePlay() {
    if (this.clock.isPlaying || (this.isFollowing && this.clock.isLive)) this.pause();
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
   * Pause, and go `n` steps on, or back when negative.
   *
   * @param {number} n
   */
  step(n) {
    this.clock.step(n);
    this.isFollowing = false;
    this.#onRest();
  }

  /**
   * Go to the step with this index, and play on if it played.
   *
   * @param {number} index
   */
  seek(index) {
    this.clock.seek(index);
    this.isFollowing = false;
    this.#onRest();
  }

  /**
   * A pointer drags the timeline: playback rests until it lets go.
   *
   * @param {boolean} isDragging
   */
  drag(isDragging) {
    if (isDragging) {
      this.#resumesAfterDrag = this.clock.isPlaying;
      this.clock.pause();
    } else if (this.#resumesAfterDrag) {
      this.play();
    }
  }

  /**
   * Go a share of the whole on, or back when negative.
   *
   * @param {number} share
   */
  seekShare(share) {
    this.seek(this.clock.index + Math.round(share * this.clock.nSteps));
  }

  /**
   * What the arrows do: a step while paused, seconds while playing.
   *
   * @param {number} direction
   */
  arrow(direction) {
    const n = Math.max(1, Math.round(ARROW_SECS * BASE_STEPS_PER_SEC * this.clock.speed));
    if (this.clock.isPlaying) this.seek(this.clock.index + direction * n);
    else this.step(direction);
  }

  /** Go to the end; of a live episode: follow it. Who stands at the end of an ended one goes on with its run. */
  toEnd() {
    if (this.clock.isLive || (this.goesOn && this.clock.isAtEnd)) this.follow();
    else this.seek(this.clock.lastIndex);
  }

  /** Go to the newest step of a live episode, and stay there; of an ended one, go on with its run. */
  follow() {
    this.clock.pause();
    this.clock.seek(this.clock.lastIndex);
    this.isFollowing = true;
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

  /**
   * Go to the next or the previous marker.
   *
   * @param {-1|1} direction
   */
  toMarker(direction) {
    const marker = neighbourMarker(this.#store.outline ? this.#store.markers : [], this.clock.index, direction);
    if (marker) this.seek(marker.index);
  }

  /** One button for the whole loop: its start, its end, and away with it. */
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
   * Repeat the stretch between two indexes, both included; null to repeat nothing.
   *
   * @param {?[number, number]} loop
   */
  setLoop(loop) {
    this.clock.loop = loop;
    this.#onRest();
  }

  toggleSkip() {
    this.clock.dullSpans = this.clock.dullSpans ? null : (this.#store.outline?.dull ?? []);
    this.#onRest();
  }
}
