/**
 * A moving thumbnail: an episode in three seconds, again and again. It stands still if the person prefers that. In a
 * bubble it plays beside the thumbnail of its episode.
 */

import { element } from "../shell/dom.js";
import { filmUrl } from "../source/api.js";

/** Pictures of a film; the style sheet has the same number. */
const N_FRAMES = 24;

/**
 * @param {string} runId
 * @param {number} episodeId
 * @param {number} size width in CSS pixels
 */
export function film(runId, episodeId, size) {
  const node = element("div", { class: "film", "aria-hidden": "true" });
  const show = () => {
    const url = filmUrl(runId, episodeId, { frames: N_FRAMES, size: Math.min(320, Math.max(32, size)) });
    node.style.backgroundImage = `url("${url}")`;
  };
  show();
  return Object.assign(node, { show });
}

/** @typedef {ReturnType<typeof film>} Film `show` fetches its pictures in the current theme */

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
