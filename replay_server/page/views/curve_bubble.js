/** The bubble at a point of the learning curve: its episode in numbers, with a picture of a kept one. */

import { element } from "../shell/dom.js";
import { formatCount, formatNumber } from "../shell/numbers.js";
import { measureOf } from "../shell/measures.js";
import { thumbnailUrl } from "../source/api.js";

/** @import { Curve } from "../source/api.js" */

const THUMBNAIL_PIXELS = 88;

/** Distance of the bubble from its point. */
const BUBBLE_PIXELS = 16;

export class CurveBubble {
  node = element("div", { class: "bubble curve-bubble", hidden: true, "aria-hidden": "true" });

  /**
   * @param {{runId: string, curve: Curve}} shown
   * @param {number} point
   * @param {string} measure
   */
  fill({ runId, curve }, point, measure) {
    const { title, unit, decimals } = measureOf(measure);
    const stage = curve.curriculum_stage[point];
    const number = formatNumber(curve.value[point], decimals) + (unit && unit !== "steps" ? ` ${unit}` : "");
    const lines = [
      `Episode ${formatCount(curve.episode_id[point])}`,
      `${title} ${number}`,
      stage === null ? "" : `stage ${stage}`,
      curve.recorded[point] ? "" : "not kept",
    ];
    const picture = curve.recorded[point]
      ? element("img", {
          class: "thumbnail",
          src: thumbnailUrl(runId, curve.episode_id[point], 2 * THUMBNAIL_PIXELS),
          alt: "",
          width: THUMBNAIL_PIXELS,
          height: THUMBNAIL_PIXELS,
        })
      : null;
    this.node.replaceChildren(element("span", {}, lines.filter(Boolean).join("\n")), picture ?? "");
  }

  /**
   * Place it beside the point, not over it.
   *
   * @param {{x: number, y: number}} point
   * @param {HTMLCanvasElement} canvas of the point
   */
  place(point, { offsetTop, offsetLeft, clientWidth: width }) {
    const { offsetWidth, offsetHeight } = this.node;
    const isRight = point.x + BUBBLE_PIXELS + offsetWidth < width;
    const x = offsetLeft + point.x + (isRight ? BUBBLE_PIXELS : -BUBBLE_PIXELS - offsetWidth);
    const y = offsetTop + point.y - offsetHeight / 2;
    this.node.style.transform = `translate(${Math.max(0, x).toFixed(1)}px, ${y.toFixed(1)}px)`;
  }
}
