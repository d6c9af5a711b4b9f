/**
 * The player: one clock over one or two panes, a timeline and a transport. It knows no server: episodes come from stores, whatever
 * their source, so it also plays a recording that was baked into a file.
 */

import { PlaybackClock } from "../playback/clock.js";
import { neighbourMarker } from "../playback/markers.js";
import { element, setText } from "../shell/dom.js";
import { formatNumber } from "../shell/numbers.js";
import { DeltaView } from "../views/delta_view.js";
import { actionText } from "../views/info_view.js";
import { GridView } from "../views/grid_view.js";
import { TimelineView } from "../views/timeline_view.js";
import { TransportView } from "../views/transport_view.js";
import { Pane } from "./pane.js";
import { readStep, readTrail } from "./step_view.js";

/** A tab that was in the background does not jump ahead by more than this. */
const LONGEST_FRAME_SECS = 0.25;

/** Steps and seconds that the arrows go. */
const SEEK_SECS = 5;

/**
 * Events: `rest` (playback came to rest: paused, sought, stepped), `opened`, `ended` (a live episode ended).
 */
export class Player extends EventTarget {
  node = element("div", { class: "player" });
  clock = new PlaybackClock();
  /** Stick to the newest step of a live episode. */
  isFollowing = false;

  #panes;
  #offset = 0;
  #timeline;
  #transport;
  #delta;
  #deck = element("div", { class: "panel deck" });
  #announcer = element("p", { class: "sr-only", "aria-live": "polite" });
  #banner = element("p", { class: "banner", role: "status", hidden: true });
  #preview = null;
  #wantedNumber;
  #isQueued = false;
  #isClosed = false;
  #lastFrameAt = 0;
  #resumesAfterDrag = false;
  #hovered = null;

  /**
   * @param {import("../source/episode_store.js").EpisodeStore[]} stores one, or two to compare
   * @param {{episodeId: ?number, step: ?number, autoplay: boolean, speed: ?number, selection: ?[number, number], skipsDull: boolean, live: boolean}} start
   *   steps are numbers; without `episodeId` the next live episode is followed when one ends
   * @param {{copyLink: function(): void, help: function(): void}} page what the player leaves to the page around it
   */
  constructor(stores, start, page) {
    super();
    this.#wantedNumber = start.step;
    this.clock.speed = start.speed ?? 1;
    this.isFollowing = start.live && start.step === null;
    this.#panes = stores.map((store, number) => new Pane(store, number === 0 ? (meters) => this.#showMeters(meters) : null));
    this.#delta = stores.length > 1 ? new DeltaView() : null;
    this.#timeline = new TimelineView({
      seek: (index) => this.seek(index),
      dragging: (isDragging) => this.#drag(isDragging),
      hover: (index, place) => this.#hover(index, place),
    });
    this.#transport = new TransportView({
      restart: () => this.seek(0),
      step: (n) => this.step(n),
      togglePlay: () => this.togglePlay(),
      speed: (speed) => this.setSpeed(speed),
      loop: () => this.loopOn(),
      toggleSkip: () => this.toggleSkip(),
      follow: () => this.follow(),
      fullscreen: () => this.toggleFullscreen(),
      copyLink: page.copyLink,
      help: page.help,
    });
    this.#deck.append(this.#timeline.node, this.#transport.node);
    this.node.append(
      this.#banner,
      element("div", { class: stores.length > 1 ? "panes compared" : "panes" }, ...this.#panes.map(({ node }) => node)),
      ...(this.#delta ? [this.#delta.node] : []),
      this.#deck,
      this.#announcer,
    );
    this.#listen(stores, start);
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

  togglePlay() {
    if (this.clock.isPlaying || (this.isFollowing && this.clock.isLive)) this.pause();
    else this.play();
  }

  play() {
    this.clock.play();
    this.#lastFrameAt = performance.now();
    this.#queue();
  }

  pause() {
    this.clock.pause();
    this.isFollowing = false;
    this.#rest();
  }

  /** Pause, and go `n` steps on, or back when negative. */
  step(n) {
    this.clock.step(n);
    this.isFollowing = false;
    this.#rest();
  }

  /** Go to the step with this index, and play on if it played. */
  seek(index) {
    this.clock.seek(index);
    this.isFollowing = false;
    this.#rest();
  }

  /** Go a share of the whole on, or back when negative. */
  seekShare(share) {
    this.seek(this.clock.index + Math.round(share * this.clock.nSteps));
  }

  /** What the arrows do: a step while paused, seconds while playing. */
  arrow(direction) {
    if (this.clock.isPlaying) this.seek(this.clock.index + direction * Math.max(1, Math.round(SEEK_SECS * this.clock.speed * 5)));
    else this.step(direction);
  }

  /** Go to the end; of a live episode: follow it. */
  toEnd() {
    if (this.store.outline?.live) this.follow();
    else this.seek(this.clock.lastIndex);
  }

  /** Go to the newest step of a live episode, and stay there. */
  follow() {
    this.clock.pause();
    this.isFollowing = true;
    this.clock.seek(this.clock.lastIndex);
    this.#rest();
  }

  setSpeed(speed) {
    this.clock.speed = speed;
    this.#rest();
  }

  changeSpeed(direction) {
    this.clock.changeSpeed(direction);
    this.#rest();
  }

  /** The next or the previous marker. */
  toMarker(direction) {
    const marker = neighbourMarker(this.store.outline?.markers ?? [], this.clock.index, direction);
    if (!marker) return;
    this.seek(marker.index);
    this.#announcer.textContent = marker.label;
  }

  /** One button for the whole loop: its start, its end, and away with it. */
  loopOn() {
    if (this.clock.loop === null) this.loopFrom();
    else if (this.clock.index > this.clock.loop[0] && this.clock.loop[1] === this.clock.lastIndex) this.loopTo();
    else this.clearLoop();
  }

  loopFrom() {
    this.#setLoop([this.clock.index, Math.max(this.clock.index + 1, this.clock.loop?.[1] ?? this.clock.lastIndex)]);
  }

  loopTo() {
    this.#setLoop([Math.min(this.clock.loop?.[0] ?? 0, Math.max(0, this.clock.index - 1)), this.clock.index]);
  }

  clearLoop() {
    this.#setLoop(null);
  }

  toggleSkip() {
    this.clock.dullSpans = this.clock.dullSpans ? null : (this.store.outline?.dull ?? []);
    this.#timeline.skipsDull = this.clock.dullSpans !== null;
    this.#timeline.refresh();
    this.#rest();
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

  /** Say something above the player; empty to say nothing. */
  say(text) {
    setText(this.#banner, text);
    this.#banner.hidden = text === "";
  }

  /** Give everything back. */
  close() {
    this.#isClosed = true;
    this.#timeline.close();
    this.#preview?.close();
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
        this.isFollowing &&= start.episodeId === null;
        this.#rest();
        this.dispatchEvent(new Event("ended"));
      });
      store.addEventListener("waiting", () => pane.say("No episode is being recorded right now. Waiting for the next one…"));
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
    this.#timeline.open(this.store);
    if (this.isFollowing) this.clock.seek(this.clock.lastIndex);
    else if (this.#wantedNumber !== null) this.clock.seek(outline.table.indexOf(this.#wantedNumber));
    else this.clock.seek(0);
    if (start.selection) this.#setLoop(start.selection.map((step) => outline.table.indexOf(step)));
    if (start.skipsDull !== (this.clock.dullSpans !== null)) this.toggleSkip();
    if (start.autoplay) this.play();
    this.#rest();
    this.dispatchEvent(new Event("opened"));
  }

  #grown() {
    this.clock.nSteps = this.store.nSteps;
    if (this.clock.dullSpans) this.clock.dullSpans = this.store.outline.dull;
    if (this.isFollowing) this.clock.seek(this.clock.lastIndex);
    if (!this.store.outline.overview) this.#timeline.refresh();
  }

  #setLoop(loop) {
    this.clock.loop = loop;
    this.#timeline.loop = loop;
    this.#timeline.refresh();
    this.#rest();
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
      this.play();
    }
  }

  /** Playback rests, or its settings changed: draw, and tell whoever listens. */
  #rest() {
    this.#want();
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
    const step = readStep(this.store, this.clock.index);
    const name = step && this.store.outline.actionNames[step.action];
    const text = step
      ? `Step ${step.number}, ${actionText(name, step.action)}, reward ${formatNumber(step.reward)}, total ${formatNumber(step.cumulative)}`
      : `Step ${this.stepNumber}`;
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
    this.clock.advance(Math.min(LONGEST_FRAME_SECS, Math.max(0, (now - this.#lastFrameAt) / 1000)), (index) => this.#isLoaded(index));
    this.#lastFrameAt = now;
    const share = this.clock.position - this.clock.index;
    const steps = this.#panes.map((pane, number) => this.#drawPane(pane, number, share));
    this.#delta?.draw(steps[0], steps[1], this.store.outline.meterNames);
    this.#timeline.draw(this.clock.position);
    const { table, live } = this.store.outline;
    const last = Math.max(0, table.endStep - 1);
    this.#transport.draw({ clock: this.clock, number: this.stepNumber, last, isLive: live, isFollowing: this.isFollowing });
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

  /** A small picture of another step, within the timeline's bubble. */
  #hover(index, place) {
    this.#hovered = index;
    if (index === null || this.store.outline.substrate.position_dim === 0) {
      place.hidden = true;
      return;
    }
    if (this.#preview?.outline !== this.store.outline) {
      this.#preview?.close();
      this.#preview = Object.assign(new GridView({ legend: false }), { outline: this.store.outline });
      this.#preview.open(this.store.outline);
      place.replaceChildren(this.#preview.node);
    }
    place.hidden = false;
    this.store.load(index).then(() => this.#drawPreview(index), () => {});
  }

  #drawPreview(index) {
    const step = this.#hovered === index && readStep(this.store, index);
    if (step) requestAnimationFrame(() => this.#preview.draw(step, null, 0, readTrail(this.store, index, 12)));
  }
}

