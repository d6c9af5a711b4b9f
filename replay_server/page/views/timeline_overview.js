/** The whole episode in a narrow strip below the zoomed timeline: drag it to move the part that the timeline shows. */

import { element } from "../shell/dom.js";
import { watchPointer } from "./pointer.js";
import { drawOverview } from "./timeline_drawing.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { TimelineAxes } from "./timeline_window.js" */

export class TimelineOverview {
  node;

  #canvas = element("canvas", { class: "overview-canvas", "aria-hidden": "true" });
  #axes;

  /**
   * @param {TimelineAxes} axes
   * @param {() => void} moved the timeline shows another part
   */
  constructor(axes, moved) {
    this.#axes = axes;
    this.node = element(
      "div",
      {
        class: "timeline-overview",
        hidden: true,
        title: "The whole episode: drag to move the part that the timeline shows",
      },
      this.#canvas,
    );
    /** @param {PointerEvent} event */
    const centre = (event) => {
      axes.window.centre(axes.whole.valueAt(event, this.node));
      moved();
    };
    watchPointer(this.node, {
      isReady: () => !this.node.hidden,
      begin: centre,
      move: (event, isDragging) => isDragging && centre(event),
      end: () => {},
      leave: () => {},
    });
  }

  /**
   * Draw it if the timeline is zoomed.
   *
   * @param {EpisodeStore} store
   * @param {number} width
   */
  draw(store, width) {
    const { window, whole } = this.#axes;
    this.node.hidden = !window.isZoomed;
    if (window.isZoomed)
      drawOverview(this.#canvas, { store, xOf: (number) => whole.xOf(number, width), shown: window.ends });
  }
}
