/**
 * The player: one clock over one or two panes, a timeline and a transport. It knows no server: episodes come from
 * stores, whatever their source, so it also plays a recording that was baked into a file.
 */

import { noteMarkers } from "../playback/markers.js";
import { element, setText } from "../shell/dom.js";
import { DeltaView } from "../views/delta_view.js";
import { NotesView } from "../views/notes_view.js";
import { TimelineView } from "../views/timeline_view.js";
import { TransportView } from "../views/transport_view.js";
import { describeStep } from "./announcement.js";
import { Banner } from "./banner.js";
import { Controls } from "./controls.js";
import { Pane } from "./pane.js";
import { Preview } from "./preview.js";

/** A tab that was in the background does not jump ahead by more than this. */
const LONGEST_FRAME_SECS = 0.25;

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
  /** Run, episode and step that were shown last: an episode that is opened again goes on there. */
  #shown = { runId: null, episodeId: null, number: 0 };
  #isQueued = false;
  #isClosed = false;
  /** When the last frame of playback was drawn; null while it rests. */
  #lastFrameAt = null;
  #resumesAfterDrag = false;

  /**
   * @param {import("../source/episode_store.js").EpisodeStore[]} stores one, or two to compare
   * @param {{episodeId: ?number, step: ?number, marker: ?number, autoplay: boolean, speed: ?number, selection:
   *   ?[number, number], loops: boolean, skipsDull: boolean, live: boolean, panels: ?string[]}} start steps are
   *   numbers; without `episodeId` the next live episode is followed when one ends
   * @param {{copyLink?: function(): void, writeNote?: function(): void, editNote?: function(object): void, openPage?:
   *   function(): void, help: function(): void}} page what the player leaves to the page around it
   */
  constructor(stores, start, page) {
    super();
    this.controls = new Controls(stores[0], () => this.#rest());
    this.clock.speed = start.speed ?? 1;
    this.controls.isFollowing = start.live && start.step === null;
    this.controls.goesOn = start.live && start.episodeId === null;
    this.#preview = new Preview(stores[0]);
    this.#panes = stores.map(
      (store, number) => new Pane(store, number === 0 ? (meters) => this.#showMeters(meters) : null),
    );
    this.#delta = stores.length > 1 ? new DeltaView() : null;
    this.#timeline = new TimelineView({
      seek: (index) => this.controls.seek(index),
      dragging: (isDragging) => this.#drag(isDragging),
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
    this.node.append(
      this.#banner.node,
      panes,
      ...(this.#delta ? [this.#delta.node] : []),
      this.#deck,
      this.#announcer,
    );
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

  /** Step numbers of the loop, or null. */
  get selection() {
    return this.clock.loop && this.clock.loop.map((index) => this.store.table.numberOf(index));
  }

  toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.node.requestFullscreen?.();
  }

  /** Step numbers of the second episode are those of the first plus `offset`. */
  alignBy(offset) {
    this.#offset = offset;
    this.#queue();
  }

  /** Show notes on steps of the episode that the timeline shows, as the server has them. */
  showNotes(notes) {
    this.store.notes = noteMarkers(notes, this.store.table);
    this.#notes.show(notes);
    this.#timeline.refresh();
    this.#queue();
  }

  /** Say above the player what is wrong with the connection; empty when nothing is. */
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

  #listen(stores, start) {
    stores.forEach((store, number) => {
      const pane = this.#panes[number];
      const isFirst = number === 0;
      store.addEventListener("outline", () => {
        pane.open();
        if (isFirst) this.#opened(start);
        this.#queue();
      });
      store.addEventListener("change", () => {
        if (isFirst) this.#grown();
        this.#queue();
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
      store.addEventListener("failure", ({ detail }) => {
        pane.say(detail.message);
        this.#deck.classList.toggle("unopened", !this.store.outline);
      });
    });
  }

  #opened(start) {
    const { outline } = this.store;
    this.clock.nSteps = this.store.nSteps;
    this.clock.isLive = outline.live;
    this.#banner.tellWaiting("");
    this.#queue(); // before the timeline, so that it is measured when all texts stand
    this.#timeline.open(this.store);
    this.showNotes([]);
    const { table, runId, episodeId } = outline;
    const isAgain = runId === this.#shown.runId && episodeId === this.#shown.episodeId;
    if (this.controls.isFollowing) this.clock.seek(this.clock.lastIndex);
    else if (isAgain) this.clock.seek(table.indexOf(this.#shown.number));
    else if (start.step !== null) this.clock.seek(table.indexOf(start.step));
    else this.clock.seek(outline.markers[start.marker - 1]?.index ?? 0);
    if (!isAgain) this.controls.begin(start);
    this.#rest();
    this.dispatchEvent(new Event("opened"));
  }

  #grown() {
    this.clock.nSteps = this.store.nSteps;
    if (this.clock.dullSpans) this.clock.dullSpans = this.store.outline.dull;
    if (this.controls.isFollowing) this.clock.seek(this.clock.lastIndex);
    if (!this.store.outline.overview) this.#timeline.refresh();
  }

  #showMeters(meters) {
    this.#timeline.shownMeters = meters;
    this.#timeline.refresh();
  }

  #drag(isDragging) {
    if (isDragging) {
      this.#resumesAfterDrag = this.clock.isPlaying;
      this.clock.pause();
    } else if (this.#resumesAfterDrag) {
      this.controls.play();
    }
  }

  /** Playback rests, or goes on in another way: draw, and tell whoever listens. */
  #rest() {
    this.store.stay(!this.controls.isFollowing);
    if (!this.controls.isFollowing) this.#banner.tellWaiting("");
    this.#want();
    this.#timeline.mark({ loop: this.clock.loop, skipsDull: this.clock.dullSpans !== null });
    this.#announce();
    this.#queue();
    this.dispatchEvent(new Event("rest"));
  }

  /** Fetch what is to be shown at once, without waiting for the frame that shows it. */
  #want() {
    this.#panes.forEach(({ store }, number) => {
      const index = this.#indexFor(number, this.clock.index);
      if (index !== null) store.want(index);
    });
  }

  #announce() {
    if (this.clock.isPlaying || !this.store.outline) return;
    const text = describeStep(this.store, this.clock.index);
    setText(this.#announcer, text);
    this.#timeline.announce(this.stepNumber, text);
  }

  #queue() {
    if (this.#isQueued || this.#isClosed) return;
    this.#isQueued = true;
    requestAnimationFrame((now) => {
      this.#isQueued = false;
      if (!this.#isClosed && this.store.outline) this.#frame(now);
    });
  }

  #frame(now) {
    const wasPlaying = this.clock.isPlaying;
    const secs = this.#lastFrameAt === null ? 0 : Math.min(LONGEST_FRAME_SECS, (now - this.#lastFrameAt) / 1000);
    this.clock.advance(secs, (index) => this.#isLoaded(index));
    this.#lastFrameAt = this.clock.isPlaying ? now : null;
    const { runId, episodeId, table, live } = this.store.outline;
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
    this.#delta?.draw(steps[0], steps[1], this.store.outline.meterNames);
    this.#timeline.draw(this.clock.position);
    if (steps[0]) this.node.dataset.step = String(steps[0].number);
    if (this.clock.isPlaying) this.#queue();
    else if (wasPlaying) this.#rest();
  }

  #drawPane(pane, number, share) {
    const index = this.#indexFor(number, this.clock.index);
    if (index === null) return null;
    pane.store.want(index);
    const isAtEnd = index >= pane.store.nSteps - 1;
    return pane.draw(index, isAtEnd ? 0 : share);
  }

  /** Index in the pane's own episode of the clock's index, held within it; null while that episode is not open. */
  #indexFor(number, index) {
    const { store } = this.#panes[number];
    if (!store.nSteps) return null;
    return number === 0 ? index : store.table.indexOf(Math.max(0, this.store.table.numberOf(index) + this.#offset));
  }

  #isLoaded(index) {
    return this.#panes.every(({ store }, number) => {
      const own = this.#indexFor(number, Math.min(index, this.clock.lastIndex));
      if (own === null || store.chunkAt(own)) return true;
      store.want(own);
      return false;
    });
  }
}
