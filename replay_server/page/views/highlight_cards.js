/** The episodes of a run that matter, as cards with moving thumbnails. */

import { element } from "../shell/dom.js";
import { formatCount } from "../shell/numbers.js";
import { followLink, linkTo } from "../shell/share.js";
import { chosenTheme, onThemeChange } from "../shell/theme.js";
import { explain } from "../shell/tips.js";
import { film } from "./film.js";

/** @import { Place } from "../shell/share.js" */
/** @import { Highlight } from "../source/api.js" */
/** @import { Film } from "./film.js" */

const FILM_PIXELS = 96;

/** @type {{[kind: string]: string}} */
const MEANINGS = {
  best: "The complete, kept episode with the highest value.",
  worst: "The complete, kept episode with the lowest value.",
  longest: "The complete, kept episode with the most steps.",
  latest: "The kept episode that finished last.",
  turn: "The first kept episode after the place where the mean changes most.",
};

export class HighlightCards {
  node = element("section", { class: "cards", "aria-label": "Episodes that matter" });

  /** @type {Film[]} */
  #films = [];
  #shown = "";
  #stopTheme = onThemeChange(() => this.#films.forEach((each) => each.show()));

  /** @param {Highlight[]} highlights */
  show(highlights) {
    const shown = JSON.stringify(
      highlights.map(({ kind, text, episode }) => [kind, text, episode.run_id, episode.episode_id]),
    );
    if (shown === this.#shown) return; // the films go on
    this.#shown = shown;
    this.#films = [];
    this.node.hidden = highlights.length === 0;
    this.node.replaceChildren(...highlights.map((highlight) => this.#card(highlight)));
  }
  close() {
    this.#stopTheme();
  }

  /** @param {Highlight} highlight */
  #card({ kind, title, text, episode }) {
    const { run_id: runId, episode_id: episodeId } = episode;
    /** @type {Partial<Place>} */
    const place = { page: "player", runId, episodeId, theme: chosenTheme() };
    const picture = film(runId, episodeId, FILM_PIXELS);
    this.#films.push(picture);
    const card = element(
      "a",
      { class: `card panel card-${kind}`, href: linkTo(place), on: { click: (event) => followLink(event, place) } },
      picture,
      element(
        "span",
        { class: "card-text" },
        element("span", { class: "card-title" }, title),
        element("span", { class: "card-value number" }, text),
        element("span", { class: "muted number" }, `episode ${formatCount(episodeId)}`),
      ),
    );
    const why = episode.reason_words.join(", ");
    return explain(card, [MEANINGS[kind] ?? "", why && `Kept: ${why}.`].filter(Boolean).join("\n"));
  }
}
