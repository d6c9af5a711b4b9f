/** A moving thumbnail: an episode in three seconds, again and again. It stands still if the person prefers that. */

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
