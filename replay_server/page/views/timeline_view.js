/**
 * The timeline: the reward's curve, meters on demand, markers, gaps, dull spans and the loop; a slider for keyboard and
 * screen reader, a strip to drag along for a pointer. The axis is in step numbers, so that missing steps take the room
 * they took in the episode.
 */

import { CanvasObserver } from "../shell/canvas.js";
import { element, setText } from "../shell/dom.js";
import { MARKER_WORDS } from "../shell/looks.js";
import { formatCount, formatNumber } from "../shell/numbers.js";
import { onThemeChange } from "../shell/theme.js";
import { drawTimeline } from "./timeline_drawing.js";

/** A pointer this near to a marker means the marker, in CSS pixels. */
const MARKER_REACH = 6;

/** Room left and right of the axis, so that markers at its ends are whole, in CSS pixels. */
const INSET = 7;

/** Share of the width that an open gap at the end takes. */
const OPEN_GAP_SHARE = 0.03;

export class TimelineView {
  node;

  #shownMeters = new Set();
  #canvas = element("canvas", { class: "timeline-canvas", "aria-hidden": "true" });
  #playhead = element("div", { class: "playhead", "aria-hidden": "true" });
  #bubbleText = element("div", { class: "bubble-text" });
  #bubbleStage = element("div", { class: "bubble-stage" });
  #bubble = element(
    "div",
    { class: "bubble", hidden: true, "aria-hidden": "true" },
    this.#bubbleStage,
    this.#bubbleText,
  );
  #strip;
  #loop = null;
  #skipsDull = false;
  #store = null;
  /** Of the strip, in CSS pixels; 0 until it is on the page. */
  #width = 0;
  #index = 0;
  #isDragging = false;
  #isQueued = false;
  /** The last move of a pointer that is shown with the next frame. */
  #moved = null;
  #on;
  #observer = new CanvasObserver(() => this.refresh());
  #stopTheme = onThemeChange(() => this.refresh());

  /**
   * @param {{seek: function(number): void, dragging: function(boolean): void, near: function(number): void, hover:
   *   function(?number, HTMLElement): void}} on `seek` takes an index; `near` one that may be asked for next; `hover`
   *   one whose picture is to be drawn into the element, null when the pointer left
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
        on: {
          pointerdown: (event) => this.#down(event),
          pointermove: (event) => this.#move(event),
          pointerup: () => this.#up(),
          pointercancel: () => this.#up(),
          pointerleave: () => this.#leave(),
        },
      },
      this.#canvas,
      this.#playhead,
    );
    this.node = element("div", { class: "timeline" }, this.#strip, this.#bubble);
    this.#observer.observe(this.#strip);
  }

  /** Show another episode. */
  open(store) {
    this.#store = store;
    this.refresh();
  }

  /** Show the curves of these meters. */
  showMeters(meters) {
    this.#shownMeters = meters;
    this.refresh();
  }

  /** Show the loop, `[first, last]` index or null, and whether dull spans are cut out. */
  mark({ loop, skipsDull }) {
    if (loop === this.#loop && skipsDull === this.#skipsDull) return;
    this.#loop = loop;
    this.#skipsDull = skipsDull;
    this.refresh();
  }

  /** Draw the still part anew, with the next frame; off the page it waits until it gets its size there. */
  refresh() {
    if (this.#isQueued || !this.#store?.outline || !this.#strip.isConnected) return;
    this.#isQueued = true;
    requestAnimationFrame(() => {
      this.#isQueued = false;
      this.#width = this.#canvas.clientWidth || 1;
      this.#strip.setAttribute("aria-valuemax", String(Math.max(0, this.#store.table.endStep - 1)));
      drawTimeline(this.#canvas, {
        store: this.#store,
        xOf: (number) => this.#xOf(number),
        shownMeters: this.#shownMeters,
        loop: this.#loop,
        skipsDull: this.#skipsDull,
      });
      this.#placePlayhead();
    });
  }

  /** Move the playhead; indexes may have a fraction. */
  draw(position) {
    this.#index = position;
    this.#placePlayhead();
  }

  /** Tell screen readers where it stands: when playback rests, not with every step. */
  announce(number, text) {
    this.#strip.setAttribute("aria-valuenow", String(number));
    this.#strip.setAttribute("aria-valuetext", text);
  }

  /** Give everything back. */
  close() {
    this.#observer.disconnect();
    this.#stopTheme();
  }

  /** Step numbers on the axis: the recorded ones, a gap behind them, and a little for one whose length nobody knows. */
  get #span() {
    const { table, gaps } = this.#store.outline;
    const end = gaps.reduce(
      (reach, gap) => Math.max(reach, gap.endStep ?? gap.firstStep * (1 + OPEN_GAP_SHARE)),
      table.endStep,
    );
    return Math.max(1, end - 1);
  }

  #xOf(number) {
    return INSET + (number / this.#span) * (this.#width - 2 * INSET);
  }

  #indexAt(event) {
    return this.#store.table.indexOf(Math.round(this.#numberUnder(event)));
  }

  #numberUnder(event) {
    const { left } = this.#strip.getBoundingClientRect();
    const share = (event.clientX - left - INSET) / (this.#width - 2 * INSET);
    return Math.min(1, Math.max(0, share)) * this.#span;
  }

  #placePlayhead() {
    if (!this.#store?.outline || !this.#width) return;
    this.#playhead.style.transform = `translateX(${this.#xOf(this.#store.table.numberOf(this.#index)).toFixed(2)}px)`;
  }

  #down(event) {
    if (!this.#store?.outline || event.button > 0) return;
    this.#moved = null; // who came to press has no use for a bubble on the way
    this.#strip.setPointerCapture(event.pointerId);
    this.#isDragging = true;
    this.#on.dragging(true);
    this.#on.seek(this.#nearMarker(event)?.index ?? this.#indexAt(event));
  }

  #move(event) {
    if (!this.#store?.outline) return;
    const index = this.#indexAt(event);
    if (this.#isDragging) this.#on.seek(index);
    if (event.pointerType === "touch") return;
    this.#on.near(index);
    const isQueued = this.#moved !== null;
    this.#moved = event;
    if (!isQueued) requestAnimationFrame(() => this.#hover());
  }

  #up() {
    if (!this.#isDragging) return;
    this.#isDragging = false;
    this.#on.dragging(false);
  }

  #leave() {
    this.#moved = null;
    this.#bubble.hidden = true;
    this.#on.hover(null, this.#bubbleStage);
  }

  #hover() {
    const event = this.#moved;
    this.#moved = null;
    if (!event) return;
    const index = this.#indexAt(event);
    const { table, gaps } = this.#store.outline;
    const marker = this.#nearMarker(event);
    const { left } = this.#strip.getBoundingClientRect();
    const under = this.#numberUnder(event);
    const gap = gaps.find(({ firstStep, endStep }) => under >= firstStep && under < (endStep ?? Infinity));
    const lines = gap
      ? [
          `Steps ${formatCount(gap.firstStep)} to ${gap.endStep === null ? "?" : formatCount(gap.endStep - 1)} are missing (${gap.reason})`,
        ]
      : [`Step ${formatCount(table.numberOf(index))}`, `Return so far ${formatNumber(this.#returnAt(index))}`];
    if (marker) lines.push(`${MARKER_WORDS[marker.kind].sign} ${marker.label}`);
    setText(this.#bubbleText, lines.join("\n"));
    this.#bubble.hidden = false;
    this.#on.hover(gap ? null : (marker?.index ?? index), this.#bubbleStage);
    const half = this.#bubble.offsetWidth / 2;
    const x = Math.min(Math.max(event.clientX - left, half), Math.max(half, this.#width - half));
    this.#bubble.style.transform = `translate(${(x - half).toFixed(1)}px, -100%)`;
  }

  #nearMarker(event) {
    const { left } = this.#strip.getBoundingClientRect();
    const { table, markers } = this.#store;
    let nearest = null;
    let least = MARKER_REACH;
    for (const marker of markers) {
      const distance = Math.abs(this.#xOf(table.numberOf(marker.index)) - (event.clientX - left));
      if (distance < least) [nearest, least] = [marker, distance];
    }
    return nearest;
  }

  #returnAt(index) {
    const { index: samples, cumulative_reward: returns } = this.#store.outline.overview;
    const behind = samples.findIndex((sample) => sample >= index);
    return returns.at(behind) ?? NaN;
  }
}
