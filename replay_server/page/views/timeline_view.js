/**
 * The timeline: the return, selected meters, markers, gaps, dull spans and the loop. It is a slider for keyboards and
 * screen readers, and can be dragged with a pointer. The axis is in step numbers, so missing steps take their room.
 */

import { CanvasObserver } from "../shell/canvas.js";
import { element } from "../shell/dom.js";
import { onThemeChange } from "../shell/theme.js";
import { watchPointer } from "./pointer.js";
import { presenceHeight } from "./timeline_agents.js";
import { TimelineAxes } from "./timeline_window.js";
import { TimelineBubble } from "./timeline_bubble.js";
import { curvesOf } from "./timeline_curves.js";
import { drawTimeline } from "./timeline_drawing.js";
import { TimelineKey } from "./timeline_key.js";
import { nearMarker } from "./timeline_markers.js";
import { TimelineOverview } from "./timeline_overview.js";

/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Outline } from "../source/outline.js" */
/** @import { Span } from "../source/messages.js" */

export class TimelineView {
  node;

  /** @type {Set<number>} */
  #shownMeters = new Set();
  #canvas = element("canvas", { class: "timeline-canvas", "aria-hidden": "true" });
  #playhead = element("div", { class: "playhead", "aria-hidden": "true" });
  #bubble;
  #strip;
  /** @type {?Span} */
  #loop = null;
  #skipsDull = false;
  /** @type {?EpisodeStore} */
  #store = null;
  #axes = new TimelineAxes();
  #overview = new TimelineOverview(this.#axes, () => this.refresh());
  /** @type {?{store: EpisodeStore, offset: number}} */
  #other = null;
  /** @type {?number} */
  #difference = null;
  #key = new TimelineKey(() => this.refresh());
  /** Width of the strip in CSS pixels; 0 until it is on the page. */
  #width = 0;
  #index = 0;
  /** The selected one of several. @type {?import("../source/messages.js").Agent} */
  #agent = null;
  #isQueued = false;
  #on;
  #observer = new CanvasObserver(() => this.refresh());
  #stopTheme = onThemeChange(() => this.refresh());

  /**
   * @param {{seek: function(number): void, dragging: function(boolean): void, near: function(number): void, hover:
   *   function(?number, HTMLElement): void}} on `seek` gets an index; `near` one that may be needed next; `hover` one
   *   to draw into the element, null when the pointer leaves
   */
  constructor(on) {
    this.#on = on;
    this.#strip = element(
      "div",
      {
        class: "timeline-strip",
        role: "slider",
        tabIndex: 0,
        "aria-label": "Step",
        "aria-valuemin": "0",
      },
      this.#canvas,
      this.#playhead,
    );
    this.#bubble = new TimelineBubble(this.#strip, (index, stage) => on.hover(index, stage));
    watchPointer(this.#strip, {
      isReady: () => Boolean(this.#store?.outline),
      begin: (event) => this.#begin(event),
      move: (event, isDragging) => this.#move(event, isDragging),
      end: () => on.dragging(false),
      cancel: () => on.dragging(false),
      leave: () => this.#bubble.hide(),
    });
    this.#strip.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.node = element(
      "div",
      { class: "timeline" },
      this.#key.node,
      this.#strip,
      this.#overview.node,
      this.#bubble.node,
    );
    this.#observer.observe(this.#strip);
  }

  /** @param {EpisodeStore} store */
  open(store) {
    this.#store = store;
    this.#axes.window.reset();
    this.refresh();
  }

  /**
   * Zoom around the playhead.
   *
   * @param {number} steps positive to zoom in
   */
  zoom(steps) {
    const outline = this.#store?.outline;
    if (outline) this.#zoom(steps, outline.table.numberOf(this.#index));
  }

  /**
   * Show the return of another episode too.
   *
   * @param {EpisodeStore} store
   * @param {number} offset of its step numbers
   */
  compare(store, offset) {
    this.#other = { store, offset };
    this.refresh();
  }

  /** @param {?number} number */
  markDifference(number) {
    this.#difference = number;
    this.refresh();
  }

  /** @param {?import("../source/messages.js").Agent} agent the selected one of several */
  showAgent(agent) {
    this.#agent = agent;
    this.refresh();
  }

  /** @param {Set<number>} meters */
  showMeters(meters) {
    this.#shownMeters = meters;
    this.refresh();
  }

  /**
   * Show the loop, `[first, last]` index or null, and whether dull spans are skipped.
   *
   * @param {{loop: ?Span, skipsDull: boolean}} shown
   */
  mark({ loop, skipsDull }) {
    if (loop === this.#loop && skipsDull === this.#skipsDull) return;
    this.#loop = loop;
    this.#skipsDull = skipsDull;
    this.refresh();
  }

  /** Redraw the static part with the next frame; if it is not on the page, when it gets its size. */
  refresh() {
    const store = this.#store;
    if (this.#isQueued || !store?.outline || !this.#strip.isConnected) return;
    this.#isQueued = true;
    requestAnimationFrame(() => {
      this.#isQueued = false;
      const axis = this.#axes.shownOf(store.opened);
      this.#strip.style.setProperty("--presence", `${presenceHeight(store.opened)}px`);
      this.#width = this.#canvas.clientWidth || 1;
      this.#strip.setAttribute("aria-valuemax", String(Math.max(0, store.table.endStep - 1)));
      drawTimeline(this.#canvas, {
        store,
        xOf: (number) => axis.xOf(number, this.#width),
        shownMeters: this.#shownMeters,
        loop: this.#loop,
        skipsDull: this.#skipsDull,
        curves: this.#curves(store),
        other: this.#other,
        difference: this.#difference,
        agent: this.#agent,
      });
      this.#key.show(store, this.#shownMeters, this.#other?.store ?? null, this.#agent);
      this.#overview.draw(store, this.#width);
      this.#placePlayhead();
    });
  }

  /**
   * Move the playhead; indexes may be fractional.
   *
   * @param {number} position
   */
  draw(position) {
    this.#index = position;
    const outline = this.#store?.outline;
    if (this.#axes.window.isZoomed && outline && this.#axes.window.reveal(outline.table.numberOf(Math.floor(position))))
      this.refresh();
    this.#placePlayhead();
  }

  /**
   * Report the position to screen readers, when playback pauses.
   *
   * @param {number} number
   * @param {string} text
   */
  announce(number, text) {
    this.#strip.setAttribute("aria-valuenow", String(number));
    this.#strip.setAttribute("aria-valuetext", text);
  }
  close() {
    this.#observer.disconnect();
    this.#stopTheme();
  }

  /** @param {EpisodeStore} store */
  #curves(store) {
    const { table } = store;
    const [low, high] = this.#axes.window.ends;
    const last = Math.max(0, table.nSteps - 1);
    const part = /** @type {Span} */ ([
      table.indexOf(Math.floor(low)),
      Math.min(last, table.indexOf(Math.ceil(high)) + 1),
    ]);
    const agent = this.#shownMeters.size ? this.#agent : null;
    return curvesOf(store, part, () => this.refresh(), agent);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (!this.#store?.outline) return;
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!this.#axes.window.isZoomed && (isSideways || event.deltaY > 0)) return; // the page scrolls
    event.preventDefault();
    if (isSideways) {
      this.#axes.window.pan(Math.sign(event.deltaX || event.deltaY) / 10);
      this.refresh();
    } else {
      this.#zoom(-Math.sign(event.deltaY), this.#axes.shownOf(this.#store.opened).valueAt(event, this.#strip));
    }
  }

  /**
   * @param {number} steps
   * @param {number} number
   */
  #zoom(steps, number) {
    this.#axes.window.zoom(steps, number);
    this.refresh();
  }

  /**
   * @param {Outline} outline
   * @param {PointerEvent} event
   */
  #indexAt(outline, event) {
    return outline.table.indexOf(Math.round(this.#axes.shownOf(outline).valueAt(event, this.#strip)));
  }

  #placePlayhead() {
    const outline = this.#store?.outline;
    if (!outline || !this.#width) return;
    const x = this.#axes.shownOf(outline).xOf(outline.table.numberOf(this.#index), this.#width);
    this.#playhead.hidden = x < 0 || x > this.#width;
    this.#playhead.style.transform = `translateX(${x.toFixed(2)}px)`;
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    this.#bubble.forget(); // a press needs no bubble on its way
    this.#on.dragging(true);
    if (this.#store)
      this.#on.seek(this.#nearMarker(this.#store, event)?.index ?? this.#indexAt(this.#store.opened, event));
  }

  /**
   * @param {PointerEvent} event
   * @param {boolean} isDragging
   */
  #move(event, isDragging) {
    if (!this.#store) return;
    const index = this.#indexAt(this.#store.opened, event);
    if (isDragging) this.#on.seek(index);
    if (event.pointerType === "touch") return;
    this.#on.near(index);
    this.#bubble.follow(event, (latest) => this.#pointed(latest));
  }

  /** @param {PointerEvent} event */
  #pointed(event) {
    if (!this.#store) return null;
    const { opened: outline } = this.#store;
    const number = this.#axes.shownOf(outline).valueAt(event, this.#strip);
    const index = outline.table.indexOf(Math.round(number));
    return { outline, index, number, marker: this.#nearMarker(this.#store, event) };
  }

  /**
   * @param {EpisodeStore} store
   * @param {PointerEvent} event
   */
  #nearMarker(store, event) {
    const x = event.clientX - this.#strip.getBoundingClientRect().left;
    return nearMarker(store, x, this.#axes.shownOf(store.opened), this.#width);
  }
}
