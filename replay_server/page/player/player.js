/**
 * The player: one clock, one or two panes, a timeline and a transport. Episodes come from stores of any source, so it
 * also plays a recording in an HTML file.
 */

import { messageOf } from "../decode/errors.js";
import { usualSpeed } from "../playback/clock.js";
import { annotationMarkers } from "../playback/markers.js";
import { element } from "../shell/dom.js";
import { DeltaView } from "../views/delta_view.js";
import { AnnotationsView } from "../views/annotations_view.js";
import { EndView } from "../views/end_view.js";
import { Announcer } from "./announcement.js";
import { Banner } from "./banner.js";
import { Controls } from "./controls.js";
import { Deck } from "./deck.js";
import { Following } from "./following.js";
import { FrameLoop } from "./frame_loop.js";
import { Happenings } from "./happenings.js";
import { Opening } from "./opening.js";
import { Panes } from "./panes.js";

/** @import { Annotation } from "../source/annotations.js" */
/** @import { EpisodeStore } from "../source/episode_store.js" */
/** @import { Place } from "../shell/share.js" */
/** @import { PageActions } from "./player_keys.js" */

/** How long the playhead waits for a step that is being loaded, so that both move together. */
const LONGEST_HOLD_MILLIS = 40;

/**
 * Where the player starts. Without `episodeId` it follows the next live episode when one ends.
 *
 * @typedef {Pick<Place, "episodeId" | "step" | "marker" | "autoplay" | "speed" | "selection" | "loops" | "skipsDull" | "agent" |
 *   "live" | "panels">} Start
 */

/** Events: `rest` (playback was paused, moved or changed), `opened`, `ended` (a live episode ended). */
export class Player extends EventTarget {
  node = element("div", { class: "player" });
  /** @type {Controls} */
  controls;

  #panes;
  #frames;
  #annotations;
  #delta;
  #deck;
  #announcer;
  #banner = new Banner();
  #end;
  #opening = new Opening();
  #happenings = new Happenings();
  #following;

  /**
   * @param {EpisodeStore[]} stores one, or two to compare
   * @param {Start} start
   * @param {PageActions} page
   */
  constructor(stores, start, page) {
    super();
    this.controls = new Controls(stores[0], () => this.#rest());
    this.#following = new Following(stores[0], this.controls);
    this.clock.speed = start.speed ?? usualSpeed(start);
    this.controls.isFollowing = start.live && start.step === null;
    this.controls.goesOn = start.live && start.episodeId === null;
    this.#panes = new Panes(stores, this.clock, {
      panels: start.panels,
      agentId: start.agent,
      onMeters: (meters) => this.timeline.showMeters(meters),
      onAgent: () => {
        this.timeline.showAgent(this.agents.agent);
        this.#rest();
      },
      seek: (index) => this.controls.seek(index),
    });
    this.#frames = new FrameLoop(
      () => this.store.outline !== null && this.node.isConnected,
      (secs) => this.#frame(secs),
    );
    this.#delta = stores.length > 1 ? new DeltaView() : null;
    this.#deck = new Deck(stores[0], this.controls, this.#following, {
      ...page,
      fullscreen: () => this.toggleFullscreen(),
      shownAgent: () => this.#panes.list[0].agents.agent,
    });
    this.#announcer = new Announcer(stores[0], this.controls.clock, this.timeline);
    this.#annotations = new AnnotationsView({
      seek: (number) => this.controls.seek(this.store.table.indexOf(number)),
      edit: page.editAnnotation,
    });
    this.#panes.list[0].add(this.#annotations.node);
    this.#end = new EndView({ ...page, replay: () => this.controls.play() });
    this.#panes.list[0].cover(this.#end.node);
    const delta = this.#delta ? [this.#delta.node] : [];
    this.node.append(this.#banner.node, this.#panes.node, ...delta, this.#deck.node, this.#announcer.node);
    this.#listen(start);
  }

  get clock() {
    return this.controls.clock;
  }

  get timeline() {
    return this.#deck.timeline;
  }

  /** The store of the timeline. */
  get store() {
    return this.#panes.list[0].store;
  }

  /** The stores of all panes. */
  get stores() {
    return this.#panes.stores;
  }

  /** Number of the current step. */
  get stepNumber() {
    return this.store.nSteps ? this.store.table.numberOf(this.clock.index) : 0;
  }

  toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.node.requestFullscreen?.();
  }

  /**
   * Add `offset` to the first episode's step numbers to get those of the second.
   *
   * @param {number} offset
   */
  alignBy(offset) {
    this.#panes.alignBy(offset);
    if (this.stores[1]?.outline) this.timeline.compare(this.stores[1], offset);
    this.draw();
  }

  /** The choice of the agent whose numbers are shown. */
  get agents() {
    return this.#panes.list[0].agents;
  }

  /**
   * Select the next agent; in an episode of one agent, go to the next marker.
   *
   * @param {-1|1} direction
   */
  toAgent(direction) {
    const id = this.store.outline ? this.agents.neighbour(direction) : null;
    if (id === null) this.controls.toMarker(direction);
    else this.#panes.selectAgent(id);
  }

  /** @param {Annotation[]} annotations */
  showAnnotations(annotations) {
    this.store.annotations = annotationMarkers(annotations, this.store.table);
    this.#annotations.show(annotations);
    this.timeline.refresh();
    this.draw();
  }

  /** Called when the player is on the page: lay it out and draw it at once, which takes longer than a frame. */
  enter() {
    if (this.store.outline) this.#panes.draw(0);
    this.draw();
  }

  /** Draw with the next frame. */
  draw() {
    this.#frames.request();
  }

  /**
   * Show the connection's problem above the player; empty if there is none.
   *
   * @param {string} text
   */
  say(text) {
    this.#banner.showConnection(text);
  }
  close() {
    this.#following.close();
    this.#frames.isClosed = this.#announcer.isClosed = true;
    this.#deck.close();
    this.#panes.close();
  }

  /** @param {Start} start */
  #listen(start) {
    this.#panes.list.forEach((pane, number) => {
      const { store } = pane;
      const isFirst = number === 0;
      store.addEventListener("outline", () => {
        pane.open();
        if (this.#delta) pane.entitle();
        if (isFirst) this.#opened(start);
        else {
          this.timeline.compare(store, 0);
          this.draw();
        }
      });
      store.addEventListener("change", () => {
        if (isFirst) this.#grown();
        if (this.store.outline) pane.recover(this.#panes.indexFor(number, this.clock.index));
        this.draw();
      });
      store.addEventListener("ended", () => {
        pane.describe();
        if (!isFirst) return;
        this.clock.isLive = false;
        this.controls.isFollowing &&= start.episodeId === null;
        this.timeline.refresh();
        this.#rest();
        this.dispatchEvent(new Event("ended"));
      });
      store.addEventListener("waiting", () => {
        const text = "No episode is being recorded right now. Waiting for the next one…";
        if (store.outline) this.#banner.showWaiting(text);
        else pane.say(text);
      });
      store.addEventListener("behind", (event) => {
        this.#following.nEpisodesBehind = /** @type {CustomEvent} */ (event).detail;
        this.draw();
      });
      store.addEventListener("failure", (event) => {
        if (store.outline && !store.outline.live) this.#following.goOnSoon(); // Redis has deleted the steps that come next
        pane.say(messageOf(/** @type {CustomEvent} */ (event).detail));
        this.#deck.isUsable = this.store.outline !== null;
      });
    });
  }

  /** @param {Start} start */
  #opened(start) {
    const { opened: outline } = this.store;
    this.clock.nSteps = this.store.nSteps;
    this.clock.isLive = outline.live;
    this.#following.nEpisodesBehind = 0;
    this.#banner.showWaiting("");
    this.#deck.isUsable = true;
    this.#end.hide();
    this.store.annotations = [];
    this.#annotations.show([]);
    this.timeline.open(this.store);
    this.timeline.showAgent(this.agents.agent);
    const isAgain = this.#opening.isAgain(outline);
    if (this.controls.isFollowing && !isAgain) this.#following.join();
    else this.clock.seek(this.#opening.indexIn(outline, start));
    if (!isAgain) this.controls.begin(start);
    if (this.controls.isFollowing) this.clock.play();
    this.#rest();
    this.dispatchEvent(new Event("opened"));
  }

  #grown() {
    this.clock.nSteps = this.store.nSteps;
    if (this.clock.dullSpans) this.clock.dullSpans = this.store.opened.dull;
    if (this.store.opened.live) this.timeline.refresh();
    this.#following.grown();
  }

  /** Playback was paused, moved or changed: draw, and report it. */
  #rest() {
    if (!this.controls.isFollowing) this.#banner.showWaiting("");
    this.#announcer.isDue = true;
    const isLoaded = this.#panes.isLoaded(this.clock.index);
    this.#deck.mark();
    if (isLoaded) this.draw();
    else setTimeout(() => this.draw(), LONGEST_HOLD_MILLIS);
    this.dispatchEvent(new Event("rest"));
  }

  /** @param {number} secs */
  #frame(secs) {
    const wasPlaying = this.clock.isPlaying;
    this.clock.advance(secs, (index) => this.#panes.isLoaded(index));
    const { live, meterNames } = this.store.opened;
    this.#opening.shows(this.store.opened, this.stepNumber);
    this.#annotations.draw(this.stepNumber);
    const steps = this.#panes.draw(this.clock.position - this.clock.index);
    for (const [number, step] of steps.entries()) if (step) this.stores[number].fetchAhead(step.index);
    const [one, other] = this.#panes.list.map(({ shown }) => shown);
    if (steps[0] && steps[1] && one && other) this.#panes.list[1].differ(other, one, this.stores[0]);
    this.#delta?.draw(steps[0] && one, steps[1] && other, meterNames);
    this.#deck.draw();
    const happened = this.#happenings.passed(this.clock, this.store.markers);
    if (happened) this.#panes.list[0].caption(happened);
    if (steps[0]) this.node.dataset.step = String(steps[0].number);
    const { isPlaying } = this.clock;
    if (!live && this.clock.isAtEnd) this.#following.goOnSoon();
    this.node.toggleAttribute("data-playing", isPlaying);
    if (isPlaying || !this.clock.isAtEnd) this.#end.hide();
    if (!isPlaying && wasPlaying) {
      if (steps[0] && !live && this.clock.isAtEnd && !this.controls.isFollowing) this.#end.show(this.store, steps[0]);
      this.#rest();
    } else if (!isPlaying && steps[0]) this.#announcer.announceSoon(() => this.agents.agent);
    return isPlaying;
  }
}
