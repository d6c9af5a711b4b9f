/** The axes of the timeline, over step numbers: of the part that it shows, and of the whole episode. */

import { Axis } from "./axis.js";
import { TimelineWindow } from "./timeline_window.js";

/** @import { Outline } from "../source/outline.js" */

/** Inset of an axis, so that markers at its ends are complete, in CSS pixels. */
const INSET = 7;

/** Share of the width for a gap of unknown length at the end. */
const OPEN_GAP_SHARE = 0.03;

export class TimelineAxes {
  window = new TimelineWindow();
  whole = new Axis(INSET, INSET);
  #shown = new Axis(INSET, INSET);

  /**
   * The axis of the shown part: the recorded steps, a gap after them, and some room for one of unknown length.
   *
   * @param {Outline} outline
   */
  shownOf({ table, gaps }) {
    const end = gaps.reduce(
      (reach, gap) => Math.max(reach, gap.endStep ?? gap.firstStep * (1 + OPEN_GAP_SHARE)),
      table.endStep,
    );
    const last = Math.max(1, end - 1);
    this.whole.span(0, last);
    this.window.setEnds(0, last);
    this.#shown.span(...this.window.ends);
    return this.#shown;
  }
}
