/** What the page says in place of an episode that has no recording: why, and where to go from here. */

import { element } from "../shell/dom.js";
import { formatCount } from "../shell/numbers.js";
import { followLink, linkTo } from "../shell/share.js";
import { chosenTheme } from "../shell/theme.js";
import { fetchEpisode, fetchNeighbour, fetchWhy } from "../source/api.js";

/** @import { Place } from "../shell/share.js" */

/** @type {{[decision: string]: [title: string, sentence: string]}} */
const WORDS = {
  skipped: ["was not kept", "No criterion chose it, so its steps were not written."],
  held: ["is not decided yet", "A criterion may still choose it. Try again later."],
  kept: ["is about to be written", "Try again in a moment."],
  deleted: ["was deleted", "It was kept, and its recording was deleted later."],
};

export class MissingEpisode {
  node = element("section", { class: "panel missing", hidden: true });

  /**
   * Explain why there is no recording.
   *
   * @param {?string} runId
   * @param {number} episodeId
   * @param {string} message of the server
   */
  async show(runId, episodeId, message) {
    const row = runId === null ? null : await fetchEpisode(runId, episodeId).catch(() => null);
    const [title, sentence] = (row && !row.recorded && WORDS[row.decision ?? ""]) || ["is not here", message];
    const buttons = element("p", { class: "group" });
    const why = element("div", { class: "missing-why" });
    this.node.replaceChildren(
      element("h2", {}, `Episode ${formatCount(episodeId)} ${title}`),
      element("p", {}, sentence),
      buttons,
      why,
    );
    this.node.hidden = false;
    buttons.append(link("All episodes", { page: "browser", runId }));
    if (runId === null) return;
    const nearest = await nearestKept(runId, episodeId).catch(() => null);
    if (nearest !== null)
      buttons.append(link(`Nearest kept: ${formatCount(nearest)}`, { page: "player", runId, episodeId: nearest }));
    if (row?.decision === "skipped") buttons.append(whyButton(runId, episodeId, why));
  }

  hide() {
    this.node.hidden = true;
  }
}

/**
 * @param {string} runId
 * @param {number} episodeId
 * @param {HTMLElement} place for the answer
 */
function whyButton(runId, episodeId, place) {
  const button = element("button", { type: "button", class: "button" }, "Why not kept?");
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { why } = await fetchWhy(runId, episodeId).catch(() => ({ why: [] }));
    place.replaceChildren(
      element("dl", {}, ...why.flatMap(({ title, text }) => [element("dt", {}, title), element("dd", {}, text)])),
      why.length ? "" : "The catalog has no explanation.",
    );
  });
  return button;
}

/**
 * @param {string} runId
 * @param {number} episodeId
 */
async function nearestKept(runId, episodeId) {
  const [before, after] = await Promise.all([
    fetchNeighbour(runId, episodeId, -1),
    fetchNeighbour(runId, episodeId, 1),
  ]);
  if (before === null || after === null) return before ?? after;
  return episodeId - before <= after - episodeId ? before : after;
}

/**
 * @param {string} text
 * @param {Partial<Place>} where
 */
function link(text, where) {
  /** @type {Partial<Place>} */
  const place = { ...where, theme: chosenTheme() };
  return element(
    "a",
    { class: "button", href: linkTo(place), on: { click: (event) => followLink(event, place) } },
    text,
  );
}
