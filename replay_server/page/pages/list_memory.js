/** Where a person was in the list of episodes; the browser keeps it with the address, for Back and for a reload. */

/** Browsers refuse a hundred changes in half a minute. */
const WRITE_MILLIS = 400;

/**
 * `anchor` is the key of the row that was focused, or else the first visible one; `top` its distance from the top of the window.
 *
 * @typedef {{nRows: number, anchor: ?string, top: number, isFocused: boolean, scroll: number}} ListPlace
 */

export class ListMemory {
  #look;
  #timer = 0;
  #listener = () => {
    if (!this.#timer) this.#timer = setTimeout(() => this.write(), WRITE_MILLIS);
  };

  /** @param {() => ?ListPlace} look returns the current place; null while there is none */
  constructor(look) {
    this.#look = look;
  }

  /**
   * The place that the person left.
   *
   * @returns {?ListPlace}
   */
  static read() {
    return history.state?.list ?? null;
  }

  /** Remember the place whenever it changes. */
  start() {
    window.addEventListener("scroll", this.#listener, { passive: true });
    document.addEventListener("focusin", this.#listener);
  }

  /** Remember the place now. */
  write() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const list = this.#look();
    if (list) history.replaceState({ ...history.state, list }, "");
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    window.removeEventListener("scroll", this.#listener);
    document.removeEventListener("focusin", this.#listener);
  }
}
