/** The clock of the player. Pure: it gets the elapsed time and returns the playback position. */

/** Steps per second at speed 1. */
export const BASE_STEPS_PER_SEC = 5;

/** Speed at which a run is followed: 20 steps per second, which eyes can follow. */
export const LIVE_SPEED = 4;

/**
 * The speed of a link without one.
 *
 * @param {{live?: boolean, episodeId?: ?number}} place
 */
export const usualSpeed = ({ live, episodeId }) => (live || episodeId === null ? LIVE_SPEED : 1);

/** Offered speeds as multiples of the base rate; the last one is called "max". */
export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 128];

export class PlaybackClock {
  /** Playback position: an index, with the share of the way to the next one after the point. */
  position = 0;
  isPlaying = false;
  speed = 1;
  /** Steps of the episode. */
  nSteps = 0;
  /**
   * `[first, last]` index of the loop, or null.
   *
   * @type {?[number, number]}
   */
  loop = null;
  /**
   * Spans to skip, `[from, to)` in indexes; null to play them.
   *
   * @type {?[number, number][]}
   */
  dullSpans = null;
  /** More steps may come: wait at the end instead of stopping. */
  isLive = false;

  /** Index of the current step. */
  get index() {
    return Math.min(Math.floor(this.position), this.lastIndex);
  }

  /** Index of the last step, 0 if there is none. */
  get lastIndex() {
    return Math.max(0, this.nSteps - 1);
  }

  /** Whether playback is at the end. */
  get isAtEnd() {
    return this.position >= this.lastIndex;
  }

  /**
   * Go to a step, clamped to the episode.
   *
   * @param {number} index
   */
  seek(index) {
    this.position = Math.min(Math.max(0, Math.floor(index)), this.lastIndex);
  }

  /** Play; from the start of the episode or loop if it was at the end. */
  play() {
    if (this.nSteps === 0 && !this.isLive) return;
    if (this.isAtEnd && !this.isLive) this.position = this.loop ? this.loop[0] : 0;
    this.isPlaying = true;
  }

  /** Stop at the current step. */
  pause() {
    this.isPlaying = false;
    this.position = this.index;
  }

  /**
   * Pause and move by `n` steps; back if negative.
   *
   * @param {number} n
   */
  step(n) {
    this.pause();
    this.seek(this.position + n);
  }

  /** @param {number} direction */
  changeSpeed(direction) {
    const place = SPEEDS.findIndex((speed) => speed >= this.speed);
    const next = (place < 0 ? SPEEDS.length : place) + direction;
    this.speed = SPEEDS[Math.min(Math.max(0, next), SPEEDS.length - 1)];
  }

  /**
   * Advance the time.
   *
   * @param {number} secs since the last call
   * @param {function(number): boolean} isLoaded whether the step with this index can be shown; playback waits before
   *   one that cannot
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
   * The position just before the first missing step.
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

/**
 * The index after the dull span that includes `index`, or `index` itself. The first step of a span is shown.
 *
 * @param {[number, number][]} spans in order
 * @param {number} index
 */
export function skipDull(spans, index) {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle][1] <= index) low = middle + 1;
    else high = middle;
  }
  const span = spans[low];
  return span && span[0] < index ? span[1] : index;
}
