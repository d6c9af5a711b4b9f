/** What a person sees when playback reaches the end of an episode: how it ended, and where to go from here. */

import { KEYS } from "../playback/keys.js";
import { element } from "../shell/dom.js";
import { withKeys } from "../shell/keys.js";
import { formatCountOf, formatNumber } from "../shell/numbers.js";
import { END_WORDS, STATUS_WORDS } from "../shell/words.js";

/** @import { PageActions } from "../player/player_keys.js" */
/** @import { StepView } from "../player/step_view.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */

export class EndView {
  node = element("section", { class: "end-view", "aria-label": "End of the episode", hidden: true });

  #title = element("p", { class: "end-title" });
  #facts = element("p", { class: "muted number" });

  /**
   * @param {{replay: () => void} & Pick<PageActions, "toEpisode" | "compareWithBest">} on
   */
  constructor({ replay, toEpisode, compareWithBest }) {
    this.node.append(
      this.#title,
      this.#facts,
      element(
        "div",
        { class: "group" },
        choice("Replay", replay, "primary"),
        toEpisode && choice(withKeys("Next kept", KEYS.nextEpisode[1]), () => toEpisode(1)),
        compareWithBest && choice("Compare with best", compareWithBest),
      ),
    );
  }

  /**
   * @param {EpisodeStore} store
   * @param {StepView} last
   */
  show(store, last) {
    const { status } = store.opened.metadata;
    const isBrokenOff = status === "truncated" || status === "salvaged" || !last.end;
    const end = /** @type {keyof typeof END_WORDS} */ (last.end);
    this.#title.textContent = isBrokenOff ? `Recording ${STATUS_WORDS.truncated.word}` : sentence(END_WORDS[end]);
    this.#facts.textContent = `${formatCountOf(store.nSteps, "step")} · return ${formatNumber(last.returnSoFar)}`;
    this.node.hidden = false;
  }

  hide() {
    if (!this.node.hidden) this.node.hidden = true;
  }
}

/** @param {string} words */
const sentence = (words) => words[0].toUpperCase() + words.slice(1);

/**
 * @param {string} label
 * @param {() => void} run
 */
const choice = (label, run, kind = "") =>
  element("button", { type: "button", class: `button ${kind}`, on: { click: run } }, label);
