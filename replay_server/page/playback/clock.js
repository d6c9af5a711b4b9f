/** The clock of the player. Pure: it is told how much time has passed, and says where playback stands. */

import { skipDull } from "./dull_spans.js";

/** Steps a second at speed 1. */
export const BASE_STEPS_PER_SEC = 5;

/** Speeds offered, as multiples of the base rate; the last one is called "max". */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 128];

export class PlaybackClock {
  /** Where playback stands: an index, and behind the point the share of the way to the next one. */
  position = 0;
  isPlaying = false;
  speed = 1;
  /** Steps of the episode. */
  nSteps = 0;
  /**
   * `[first, last]` index of the stretch that is repeated, or null.
   *
   * @type {?[number, number]}
   */
  loop = null;
  /**
   * Spans that are jumped over, `[from, to)` in indexes; null to play them.
   *
   * @type {?[number, number][]}
   */
  dullSpans = null;
  /** More steps may come: at the end wait for them instead of stopping. */
  isLive = false;

  /** Index of the step that is shown. */
  get index() {
    return Math.min(Math.floor(this.position), this.lastIndex);
  }

  /** Index of the last step, 0 when there is none. */
  get lastIndex() {
    return Math.max(0, this.nSteps - 1);
  }

  /** Whether playback stands at the end. */
  get isAtEnd() {
    return this.position >= this.lastIndex;
  }

  /**
   * Go to a step; held within the episode.
   *
   * @param {number} index
   */
  seek(index) {
    this.position = Math.min(Math.max(0, Math.floor(index)), this.lastIndex);
  }

  /** Play on; from the start (of the loop) when it stood at the end. */
  play() {
    if (this.nSteps === 0) return;
    if (this.isAtEnd && !this.isLive) this.position = this.loop ? this.loop[0] : 0;
    this.isPlaying = true;
  }

  /** Stop on the step that is shown. */
  pause() {
    this.isPlaying = false;
    this.position = this.index;
  }

  /**
   * Pause, and go `n` steps on, or back when negative.
   *
   * @param {number} n
   */
  step(n) {
    this.pause();
    this.seek(this.position + n);
  }

  /**
   * The next speed in that direction.
   *
   * @param {number} direction
   */
  changeSpeed(direction) {
    const place = SPEEDS.findIndex((speed) => speed >= this.speed);
    const next = (place < 0 ? SPEEDS.length : place) + direction;
    this.speed = SPEEDS[Math.min(Math.max(0, next), SPEEDS.length - 1)];
  }

  /**
   * Let time pass.
   *
   * @param {number} secs since the last call
   * @param {function(number): boolean} isLoaded whether the step with this index can be shown; playback waits in front
   *   of one that can't
   */
  advance(secs, isLoaded) {
    if (!this.isPlaying) return;
    let position = this.position + secs * this.speed * BASE_STEPS_PER_SEC;
    if (this.dullSpans) position = this.#overDullSpans(this.dullSpans, position);
    const [first, last] = this.loop ?? [0, this.lastIndex];
    if (this.loop && this.position < last + 1 && position >= last + 1) position = first;
    else if (position >= this.lastIndex) position = this.loop ? first : this.lastIndex;
    if (!isLoaded(Math.floor(position))) position = this.#lastLoaded(position, isLoaded);
    this.position = position;
    if (this.isAtEnd && !this.loop) this.isPlaying = this.isLive;
  }

  /**
   * @param {[number, number][]} spans
   * @param {number} position
   */
  #overDullSpans(spans, position) {
    const last = Math.min(position, this.lastIndex);
    for (let index = Math.floor(this.position) + 1; index <= last; index++) {
      const landing = skipDull(spans, index);
      if (landing > index) return Math.max(position, landing);
    }
    return position;
  }

  /**
   * Just before the first step that is missing.
   *
   * @param {number} position
   * @param {(index: number) => boolean} isLoaded
   */
  #lastLoaded(position, isLoaded) {
    const from = Math.floor(this.position);
    let index = from;
    while (index + 1 <= position && isLoaded(index + 1)) index++;
    return index === from ? this.position : index;
  }
}
