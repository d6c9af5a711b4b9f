/** Where an episode opens: where it was left, at a link's step, at a link's marker, or at its first step. */

/** @import { Outline } from "../source/outline.js" */
/** @import { Start } from "./player.js" */

export class Opening {
  /** @type {{runId: ?string, episodeId: ?number, number: number}} */
  #shown = { runId: null, episodeId: null, number: 0 };

  /**
   * Remember the step that is shown.
   *
   * @param {Outline} outline
   * @param {number} number of the step
   */
  shows({ runId, episodeId }, number) {
    this.#shown = { runId, episodeId, number };
  }

  /**
   * Whether this is the episode that was shown last, for example after a lost connection.
   *
   * @param {Outline} outline
   */
  isAgain({ runId, episodeId }) {
    return runId === this.#shown.runId && episodeId === this.#shown.episodeId;
  }

  /**
   * The index of the step to begin with.
   *
   * @param {Outline} outline
   * @param {Pick<Start, "step" | "marker">} start
   */
  indexIn(outline, { step, marker }) {
    if (this.isAgain(outline)) return outline.table.indexOf(this.#shown.number);
    if (step !== null) return outline.table.indexOf(step);
    return [...new Set(outline.markers.map(({ index }) => index))][(marker ?? 0) - 1] ?? 0;
  }
}
