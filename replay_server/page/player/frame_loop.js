/** Draws requested frames, and measures the time between consecutive ones. */

/** Limit for the time of one frame, so that a tab from the background does not jump ahead. */
const LONGEST_FRAME_SECS = 0.25;

export class FrameLoop {
  isClosed = false;

  #isReady;
  #draw;
  #isQueued = false;
  /**
   * Time of the previous frame; null after a pause.
   *
   * @type {?number}
   */
  #lastFrameAt = null;

  /**
   * @param {() => boolean} isReady whether a frame can be drawn
   * @param {(secs: number) => boolean} draw gets the time since the previous frame; returns whether to draw another
   */
  constructor(isReady, draw) {
    this.#isReady = isReady;
    this.#draw = draw;
  }

  /** Draw with the next frame. */
  request() {
    if (this.#isQueued || this.isClosed) return;
    this.#isQueued = true;
    requestAnimationFrame((now) => {
      this.#isQueued = false;
      if (!this.isClosed && this.#isReady()) this.#frame(now);
    });
  }

  /** @param {number} now */
  #frame(now) {
    const secs = this.#lastFrameAt === null ? 0 : Math.min(LONGEST_FRAME_SECS, (now - this.#lastFrameAt) / 1000);
    const goesOn = this.#draw(secs);
    this.#lastFrameAt = goesOn ? now : null;
    if (goesOn) this.request();
  }
}
