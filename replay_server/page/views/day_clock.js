/** The time of day in the environment, as a small dial of one turn per day. */

import { element, graphic, setText } from "../shell/dom.js";

/** @import { Outline } from "../source/outline.js" */
/** @import { StepView } from "../player/step_view.js" */

const HOURS = 24;

export class DayClock {
  node = element("span", { class: "day-clock" });

  #hand = graphic("line", { x1: 10, y1: 10, x2: 10, y2: 4, class: "clock-hand" });
  #dial = graphic("circle", { cx: 10, cy: 10, r: 8, class: "clock-dial" });
  #text = element("span", { class: "number" });
  #ticksPerDay = HOURS;

  constructor() {
    this.node.append(
      graphic("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, this.#dial, this.#hand),
      this.#text,
    );
  }

  /**
   * Show another episode. The number of ticks per day is 24, unless the episode's `info` has another or the clock
   * exceeds 23.
   *
   * @param {Outline} outline
   */
  open({ metadata, schema }) {
    const given = metadata.info?.ticks_per_day ?? metadata.info?.day_length;
    this.#ticksPerDay = typeof given === "number" && Number.isInteger(given) && given > 0 ? given : HOURS;
    this.node.hidden = !schema.some(({ name }) => name === "time_of_day");
  }

  /** @param {StepView} step */
  draw({ timeOfDay }) {
    if (timeOfDay === null) {
      setText(this.#text, "—");
      return;
    }
    while (timeOfDay >= this.#ticksPerDay) this.#ticksPerDay *= 2;
    const share = timeOfDay / this.#ticksPerDay;
    this.#hand.setAttribute("transform", `rotate(${share * 360 + 180} 10 10)`);
    this.#dial.dataset.light = share > 0.25 && share < 0.79 ? "day" : "night";
    const minutes = Math.round(share * HOURS * 60);
    setText(
      this.#text,
      `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`,
    );
  }
}
