/** A small picture of another step, in the timeline's bubble. */

import { GridView } from "../views/grid_view.js";
import { PictureView } from "../views/picture_view.js";
import { readFigures } from "./figures.js";
import { pictureSources } from "./picture_source.js";
import { readStep, readTrail } from "./step_view.js";

/** @import { Agent } from "../source/messages.js" */
/** @import { Outline } from "../source/outline.js" */

const TRAIL_STEPS = 12;

export class Preview {
  #store;
  #agentOf;
  /** @type {?Outline} */
  #outline = null;
  /** @type {?GridView | PictureView} */
  #view = null;
  /** @type {?number} */
  #wanted = null;

  /**
   * @param {import("../source/episode_store.js").EpisodeStore} store
   * @param {() => ?Agent} agentOf whose pictures are shown, of several
   */
  constructor(store, agentOf) {
    this.#store = store;
    this.#agentOf = agentOf;
  }

  /**
   * Load the step with this index, because it may be needed next.
   *
   * @param {number} index
   */
  fetch(index) {
    this.#store.load(index).catch(ignore);
  }

  /**
   * Draw the step with this index into `place` when it is loaded; null removes the picture.
   *
   * @param {?number} index
   * @param {HTMLElement} place
   */
  show(index, place) {
    const { outline } = this.#store;
    this.#wanted = index;
    const agent = outline && this.#agentOf();
    const hasPictures = outline !== null && pictureSources(outline.pictures, agent).length > 0;
    const isShown = index !== null && outline !== null && (hasPictures || outline.substrate.position_dim > 0);
    place.hidden = !isShown;
    if (!isShown) return;
    if (this.#outline !== outline || this.#view instanceof PictureView !== hasPictures) {
      this.close();
      this.#outline = outline;
      this.#view = hasPictures ? new PictureView({ choices: false }) : new GridView({ legend: false });
      this.#view.open(outline, agent);
      place.replaceChildren(this.#view.node);
    }
    if (this.#view instanceof PictureView) this.#view.select(agent);
    this.#store.load(index).then(() => requestAnimationFrame(() => this.#draw(index)), ignore);
  }

  /** Cancel and remove everything. */
  close() {
    this.#view?.close();
    this.#view = null;
    this.#outline = null;
  }

  /** @param {number} index */
  #draw(index) {
    const step = this.#wanted === index ? readStep(this.#store, index) : null;
    if (!step) return;
    if (this.#view instanceof PictureView) this.#view.draw(this.#store, index);
    if (!(this.#view instanceof GridView)) return;
    const how = { selected: null, hasNext: false, hasTrails: false, trailSteps: 0 };
    const figures = readFigures(this.#store, index, how);
    this.#view.draw(step, null, 0, readTrail(this.#store, index, TRAIL_STEPS), figures);
  }
}

/** The episode was closed or its chunk is broken, which the stage reports, so there is no picture. */
const ignore = () => {};
