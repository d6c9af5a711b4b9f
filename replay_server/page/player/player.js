/**
 * The player: one clock over one or two panes, a timeline and a transport. It knows no server: episodes come from
 * stores, whatever their source, so it also plays a recording that was baked into a file.
 */

import { messageOf } from "../decode/errors.js";
import { noteMarkers } from "../playback/markers.js";
import { afterPaint, element, setText } from "../shell/dom.js";
import { DeltaView } from "../views/delta_view.js";
import { NotesView } from "../views/notes_view.js";
import { TimelineView } from "../views/timeline_view.js";
import { TransportView } from "../views/transport_view.js";
import { describeStep } from "./announcement.js";
import { Banner } from "./banner.js";
import { Controls } from "./controls.js";
import { Pane } from "./pane.js";
import { Preview } from "./preview.js";

/** @import { Note } from "../source/api.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { StepView } from "./step_view.js" */
/** @import { Place } from "../shell/share.js" */
/** @import { PageActions } from "./player_keys.js" */

/** A tab that was in the background does not jump ahead by more than this. */
const LONGEST_FRAME_SECS = 0.25;

/** A step that is being fetched and the playhead that goes there move together, unless fetching takes longer. */
const LONGEST_HOLD_MILLIS = 40;

/**
 * Where the player starts; without `episodeId` the next live episode is followed when one ends.
 *
 * @typedef {Pick<Place, "episodeId" | "step" | "marker" | "autoplay" | "speed" | "selection" | "loops" | "skipsDull" |
 *   "live" | "panels">} Start
 */

/**
 * Events: `rest` (playback came to rest: paused, sought, stepped), `opened`, `ended` (a live episode ended).
 */
export class Player extends EventTarget {
  node = element("div", { class: "player" });
  /** @type {Controls} */
  controls;

  #panes;
  #offset = 0;
  #timeline;
  #transport;
  #notes;
  #delta;
  #deck = element("div", { class: "panel deck" });
  #announcer = element("p", { class: "sr-only", "aria-live": "polite" });
  #banner = new Banner();
  #preview;
  /**
   * Run, episode and step that were shown last: an episode that is opened again goes on there.
   *
   * @type {{runId: ?string, episodeId: ?number, number: number}}
   */
  #shown = { runId: null, episodeId: null, number: 0 };
  /** Playback came to rest at a step that screen readers have not been told of. */
  #isUntold = false;
  #isQueued = false;
  #isClosed = false;
  /**
   * When the last frame of playback was drawn; null while it rests.
   *
   * @type {?number}
   */

  #lastFrameAt = null;

  /**
   * @param {EpisodeStore[]} stores one, or two to compare
   * @param {Start} start
   * @param {PageActions} page
   */
  constructor(stores, start, page) {
    super();
    this.controls = new Controls(stores[0], () => this.#rest());
    this.clock.speed = start.speed ?? 1;
    this.controls.isFollowing = start.live && start.step === null;
    this.controls.goesOn = start.live && start.episodeId === null;
    this.#preview = new Preview(stores[0]);
    this.#panes = stores.map(
      (store, number) => new Pane(store, number === 0 ? (meters) => this.#timeline.showMeters(meters) : null),
    );
    this.#delta = stores.length > 1 ? new DeltaView() : null;
    this.#timeline = new TimelineView({
      seek: (index) => this.controls.seek(index),
      dragging: (isDragging) => this.controls.drag(isDragging),
      near: (index) => this.#preview.fetch(index),
      hover: (index, place) => this.#preview.show(index, place),
    });
    this.#transport = new TransportView(this.controls, { ...page, fullscreen: () => this.toggleFullscreen() });
    this.#notes = new NotesView({
      seek: (number) => this.controls.seek(this.store.table.indexOf(number)),
      edit: page.editNote,
    });
    this.#panes[0].add(this.#notes.node);
    this.#deck.append(this.#timeline.node, this.#transport.node);
    const panes = element("div", { class: stores.length > 1 ? "panes compared" : "panes" });
    panes.append(...this.#panes.map(({ node }) => node));
    if (start.panels) panes.dataset.panels = start.panels.join(" ");
    this.node.append(this.#banner.node, panes, ...(this.#delta ? [this.#delta.node] : []), this.#deck, this.#announcer);
    this.#listen(stores, start);
  }

  get clock() {
    return this.controls.clock;
  }

  /** The store that the timeline shows. */
  get store() {
    return this.#panes[0].store;
  }

  /** The stores of all panes. */
  get stores() {
    return this.#panes.map(({ store }) => store);
  }

  /** Number of the step that is shown. */
  get stepNumber() {
    return this.store.nSteps ? this.store.table.numberOf(this.clock.index) : 0;
  }

  /**
   * Step numbers of the loop, or null.
   *
   * @returns {?[number, number]}
   */
  get selection() {
    const { loop } = this.clock;
    return loop && [this.store.table.numberOf(loop[0]), this.store.table.numberOf(loop[1])];
  }

  toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.node.requestFullscreen?.();
  }

  /**
   * Step numbers of the second episode are those of the first plus `offset`.
   *
   * @param {number} offset
   */
  alignBy(offset) {
    this.#offset = offset;
    this.draw();
  }

  /**
   * Show notes on steps of the episode that the timeline shows, as the server has them.
   *
   * @param {Note[]} notes
   */
  showNotes(notes) {
    this.store.notes = noteMarkers(notes, this.store.table);
    this.#notes.show(notes);
    this.#timeline.refresh();
    this.draw();
  }

  /** The player is on the page now: lay it out and draw it at once, for that takes longer than a frame. */
  enter() {
    if (this.store.outline) this.#panes.forEach((pane, number) => this.#drawPane(pane, number, 0));
    this.draw();
  }

  /** Draw with the next frame that shows the player. */
  draw() {
    if (this.#isQueued || this.#isClosed) return;
    this.#isQueued = true;
    requestAnimationFrame((now) => {
      this.#isQueued = false;
      if (!this.#isClosed && this.store.outline && this.node.isConnected) this.#frame(now);
    });
  }

  /**
   * Say above the player what is wrong with the connection; empty when nothing is.
   *
   * @param {string} text
   */
  say(text) {
    this.#banner.tellConnection(text);
  }

  /** Give everything back. */
  close() {
    this.#isClosed = true;
    this.#timeline.close();
    this.#preview.close();
    for (const pane of this.#panes) pane.close();
  }

  /**
   * @param {EpisodeStore[]} stores
   * @param {Start} start
   */
  #listen(stores, start) {
    stores.forEach((store, number) => {
      const pane = this.#panes[number];
      const isFirst = number === 0;
      store.addEventListener("outline", () => {
        pane.open();
        if (isFirst) this.#opened(start);
        else this.draw();
      });
      store.addEventListener("change", () => {
        if (isFirst) this.#grown();
        if (this.store.outline) pane.recover(this.#indexFor(number, this.clock.index));
        this.draw();
      });
      store.addEventListener("ended", () => {
        pane.describe();
        if (!isFirst) return;
        this.clock.isLive = false;
        this.controls.isFollowing &&= start.episodeId === null;
        this.#rest();
        this.dispatchEvent(new Event("ended"));
      });
      store.addEventListener("waiting", () => {
        const text = "No episode is being recorded right now. Waiting for the next one…";
        if (store.outline) this.#banner.tellWaiting(text);
        else pane.say(text);
      });
      store.addEventListener("failure", (event) => {
        pane.say(messageOf(/** @type {CustomEvent} */ (event).detail));
        this.#deck.classList.toggle("unopened", !this.store.outline);
      });
    });
  }

  /** @param {Start} start */
  #opened(start) {
    const { opened: outline } = this.store;
    this.clock.nSteps = this.store.nSteps;
    this.clock.isLive = outline.live;
    this.#banner.tellWaiting("");
    this.#deck.classList.remove("unopened");
    this.store.notes = [];
    this.#notes.show([]);
    this.#timeline.open(this.store);
    const { table, runId, episodeId } = outline;
    const isAgain = runId === this.#shown.runId && episodeId === this.#shown.episodeId;
    if (this.controls.isFollowing) this.clock.seek(this.clock.lastIndex);
    else if (isAgain) this.clock.seek(table.indexOf(this.#shown.number));
    else if (start.step !== null) this.clock.seek(table.indexOf(start.step));
    else this.clock.seek([...new Set(outline.markers.map(({ index }) => index))][(start.marker ?? 0) - 1] ?? 0);
    if (!isAgain) this.controls.begin(start);
    this.#rest();
    this.dispatchEvent(new Event("opened"));
  }

  #grown() {
    this.clock.nSteps = this.store.nSteps;
    if (this.clock.dullSpans) this.clock.dullSpans = this.store.opened.dull;
    if (this.controls.isFollowing) this.clock.seek(this.clock.lastIndex);
    if (this.store.opened.live) this.#timeline.refresh();
  }

  /** Playback rests, or goes on in another way: draw, and tell whoever listens. */
  #rest() {
    this.store.stay(!this.controls.isFollowing);
    if (!this.controls.isFollowing) this.#banner.tellWaiting("");
    this.#isUntold = true;
    const isHere = this.#isLoaded(this.clock.index);
    this.#timeline.mark({ loop: this.clock.loop, skipsDull: this.clock.dullSpans !== null });
    if (isHere) this.draw();
    else setTimeout(() => this.draw(), LONGEST_HOLD_MILLIS);
    this.dispatchEvent(new Event("rest"));
  }

  #announce() {
    if (this.clock.isPlaying || this.#isClosed) return;
    this.#isUntold = false;
    const text = describeStep(this.store, this.clock.index);
    setText(this.#announcer, text);
    this.#timeline.announce(this.stepNumber, text);
  }

  /** @param {number} now */
  #frame(now) {
    const wasPlaying = this.clock.isPlaying;
    const secs = this.#lastFrameAt === null ? 0 : Math.min(LONGEST_FRAME_SECS, (now - this.#lastFrameAt) / 1000);
    this.clock.advance(secs, (index) => this.#isLoaded(index));
    this.#lastFrameAt = this.clock.isPlaying ? now : null;
    const { runId, episodeId, table, live, meterNames } = this.store.opened;
    this.#shown = { runId, episodeId, number: this.stepNumber };
    this.#transport.draw({
      clock: this.clock,
      number: this.stepNumber,
      last: Math.max(0, table.endStep - 1),
      canGoLive: live || this.controls.goesOn,
      isFollowing: this.controls.isFollowing,
    });
    this.#notes.draw(this.stepNumber);
    const share = this.clock.position - this.clock.index;
    const steps = this.#panes.map((pane, number) => this.#drawPane(pane, number, share));
    for (const [number, step] of steps.entries()) if (step) this.stores[number].fetchAhead(step.index);
    this.#delta?.draw(steps[0], steps[1], meterNames);
    this.#timeline.draw(this.clock.position);
    if (steps[0]) this.node.dataset.step = String(steps[0].number);
    if (this.clock.isPlaying) this.draw();
    else if (wasPlaying) this.#rest();
    else if (steps[0] && this.#isUntold) afterPaint(() => this.#announce());
  }

  /**
   * @param {Pane} pane
   * @param {number} number
   * @param {number} share
   */
  #drawPane(pane, number, share) {
    const index = this.#indexFor(number, this.clock.index);
    if (index === null) return null;
    pane.store.want(index);
    const isAtEnd = index >= pane.store.nSteps - 1;
    return pane.draw(index, isAtEnd ? 0 : share);
  }

  /**
   * Index in the pane's own episode of the clock's index, held within it; null while that episode is not open.
   *
   * @param {number} number
   * @param {number} index
   */
  #indexFor(number, index) {
    const { store } = this.#panes[number];
    if (!store.nSteps) return null;
    return number === 0 ? index : store.table.indexOf(Math.max(0, this.store.table.numberOf(index) + this.#offset));
  }

  /**
   * Whether the step with this index is here, in all panes; where it is not, it is fetched before anything else.
   *
   * @param {number} index
   */
  #isLoaded(index) {
    const missing = this.#panes.filter(({ store }, number) => {
      const own = this.#indexFor(number, Math.min(index, this.clock.lastIndex));
      if (own === null || store.chunkAt(own)) return false;
      store.want(own);
      return true;
    });
    return missing.length === 0;
  }
}
