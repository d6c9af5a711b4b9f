/** A small picture of another step, within the timeline's bubble. */

import { GridView } from "../views/grid_view.js";
import { readStep, readTrail } from "./step_view.js";

/** @import { Outline } from "../source/outline.js" */

const TRAIL_STEPS = 12;

export class Preview {
  #store;
  /** @type {?Outline} */
  #outline = null;
  /** @type {?GridView} */
  #grid = null;
  /** @type {?number} */
  #wanted = null;

  /** @param {import("../source/episode_store.js").EpisodeStore} store */
  constructor(store) {
    this.#store = store;
  }

  /**
   * Fetch the step with this index: it may be asked for next.
   *
   * @param {number} index
   */
  fetch(index) {
    this.#store.load(index).catch(ignore);
  }

  /**
   * Draw the step with this index into `place`, as soon as it is here; null takes the picture away.
   *
   * @param {?number} index
   * @param {HTMLElement} place
   */
  show(index, place) {
    const { outline } = this.#store;
    this.#wanted = index;
    const isShown = index !== null && outline !== null && outline.substrate.position_dim > 0;
    place.hidden = !isShown;
    if (!isShown) return;
    if (this.#outline !== outline) {
      this.close();
      this.#outline = outline;
      this.#grid = new GridView({ legend: false });
      this.#grid.open(outline);
      place.replaceChildren(this.#grid.node);
    }
    this.#store.load(index).then(() => requestAnimationFrame(() => this.#draw(index)), ignore);
  }

  /** Give everything back. */
  close() {
    this.#grid?.close();
    this.#grid = null;
    this.#outline = null;
  }

  /** @param {number} index */
  #draw(index) {
    const step = this.#wanted === index ? readStep(this.#store, index) : null;
    if (step && this.#grid) this.#grid.draw(step, null, 0, readTrail(this.#store, index, TRAIL_STEPS));
  }
}

/** The episode was closed, or its chunk can't be read, which the stage tells: then there is no picture. */
const ignore = () => {};
