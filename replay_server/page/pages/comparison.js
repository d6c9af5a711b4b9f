/** Two episodes side by side: where they differ first, and how their steps are aligned. */

import { firstDivergence } from "../playback/divergence.js";
import { readStep } from "../player/step_view.js";
import { actionText } from "../views/info_view.js";

/** @import { Player } from "../player/player.js" */
/** @import { Alignment } from "../shell/share.js" */
/** @import { EpisodeHeader } from "../views/episode_header.js" */

export class Comparison {
  #player;
  #header;
  /** @type {?{step: number, what: string}} */
  #divergence = null;

  /**
   * @param {Player} player with two stores
   * @param {?EpisodeHeader} header
   */
  constructor(player, header) {
    this.#player = player;
    this.#header = header;
  }

  /**
   * Called when both episodes are open: align them, and find the first difference.
   *
   * @param {() => Alignment} alignment the chosen one, which may change meanwhile
   * @param {boolean} seeks whether the player goes to the difference
   */
  async begin(alignment, seeks) {
    const [one, other] = this.#player.stores;
    this.#header?.showOther(other.opened, alignment());
    this.align(alignment(), seeks);
    try {
      this.#divergence = await firstDivergence(one, other);
    } catch {
      return;
    }
    this.#header?.showDivergence(this.#divergence, this.#actionsAtDifference());
    this.#player.timeline.markDifference(this.#divergence?.step ?? null);
    this.align(alignment(), seeks);
  }

  /**
   * @param {Alignment} alignment
   * @param {boolean} seeks
   */
  align(alignment, seeks) {
    const [one, other] = this.#player.stores.map(({ table }) => table);
    this.#player.alignBy(alignment === "end" ? other.endStep - one.endStep : 0);
    if (alignment === "divergence" && this.#divergence && this.#divergence.step > 0 && seeks)
      this.#player.controls.seek(one.indexOf(this.#divergence.step));
  }

  /** What each episode did at the first difference; empty if it is not an action. */
  #actionsAtDifference() {
    if (this.#divergence?.what !== "action") return "";
    const { step: number } = this.#divergence;
    const texts = this.#player.stores.map((store) => {
      const step = readStep(store, store.table.indexOf(number));
      return step && step.action !== null ? actionText(store.opened.actionNames, step.action) : "";
    });
    return texts.every(Boolean) ? texts.join(" / ") : "";
  }
}
