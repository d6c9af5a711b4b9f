/** A bubble beside the thumbnail of an episode in which the episode plays. */

import { element } from "../shell/dom.js";
import { film } from "./film.js";

const FILM_PIXELS = 176;

export class FilmBubble {
  node = element("div", { class: "bubble film-bubble", hidden: true });
  /** The episode that it shows. @type {?{runId: string, episodeId: number}} */
  #shown = null;

  /**
   * Play an episode beside a cell of the table.
   *
   * @param {Element} cell
   * @param {{runId: string, episodeId: number}} episode
   */
  play(cell, { runId, episodeId }) {
    this.node.hidden = false;
    if (runId !== this.#shown?.runId || episodeId !== this.#shown.episodeId) {
      this.#shown = { runId, episodeId };
      this.node.replaceChildren(film(runId, episodeId, FILM_PIXELS));
    }
    const { right, top, height } = cell.getBoundingClientRect();
    const { offsetHeight } = this.node;
    const y = Math.min(Math.max(8, top + height / 2 - offsetHeight / 2), window.innerHeight - offsetHeight - 8);
    this.node.style.transform = `translate(${(right + 8).toFixed(1)}px, ${y.toFixed(1)}px)`;
  }

  hide() {
    this.node.hidden = true;
  }

  /** Draw the film again the next time: the theme has changed. */
  forget() {
    this.#shown = null;
  }
}
