/** One lane of the wall: a small board that plays the lane's episodes as they are recorded, one after the other. */

import { messageOf } from "../decode/errors.js";
import { LIVE_SPEED, PlaybackClock } from "../playback/clock.js";
import { element, setText } from "../shell/dom.js";
import { formatNumber } from "../shell/numbers.js";
import { prefersLessMotion } from "../shell/theme.js";
import { END_WORDS, TERMS } from "../shell/words.js";
import { EpisodeStore } from "../source/episode_store.js";
import { SocketSource } from "../source/socket_source.js";
import { GridView, TRAIL_STEPS } from "../views/grid_view.js";
import { HistoryView } from "../views/history_view.js";
import { PictureView } from "../views/picture_view.js";
import { readFigures } from "./figures.js";
import { firstAgent } from "./picture_source.js";
import { readStep, readTrail } from "./step_view.js";

/** Limit for the unpacked chunks of a tile: 16 of them need 128 MiB at most. */
const MAX_CACHED_BYTES = 8 * 2 ** 20;

/** Chunks to fetch before they are shown, because Redis deletes them soon after the episode's end. */
const CHUNKS_AHEAD = 16;

/** An episode is shown from its first step if it has fewer steps than this; else from its newest one. */
const MOST_STEPS_BEHIND = 300;

/** How long the last step of an episode is shown before the next episode. */
const LAST_STEP_SECS = 0.8;

export class LaneTile {
  node;
  lane;
  /** Whether the lane has no open episode now. */
  isWaiting = false;

  #store;
  #clock = new PlaybackClock();
  #grid = new GridView({ legend: false });
  #picture = new PictureView({ choices: false });
  #history = new HistoryView();
  #episode = element("span", { class: "tile-episode" });
  #result = element("span", { class: "tile-return number", title: TERMS.return_so_far.meaning });
  #message = element("p", { class: "tile-message muted", hidden: true });
  #lastMove = "";
  #secsAtEnd = 0;
  #agentId = "";

  /**
   * @param {import("../source/socket.js").ReplaySocket} socket
   * @param {{runId: ?string, lane: number, link: string, open: (event: MouseEvent) => void}} wanted
   */
  constructor(socket, { runId, lane, link, open }) {
    this.lane = lane;
    this.#clock.speed = LIVE_SPEED;
    this.#clock.isLive = true;
    this.node = element(
      "a",
      { class: "panel tile", href: link, on: { click: open } },
      element("div", { class: "tile-head" }, element("strong", {}, `Lane ${lane}`), this.#episode, this.#result),
      this.#grid.node,
      this.#picture.node,
      this.#history.node,
      this.#message,
    );
    this.node.dataset.lane = String(lane);
    this.#name(null);
    this.#setStage();
    const source = new SocketSource(socket, { runId, episodeId: null, follow: true, lane, staysInLane: true });
    this.#store = new EpisodeStore(source, MAX_CACHED_BYTES);
    this.#listen();
  }

  /**
   * Play on by the time since the last call, and draw what has changed.
   *
   * @param {number} secs
   */
  advance(secs) {
    if (!this.#store.outline) return;
    this.#clock.advance(secs, (index) => this.#isLoaded(index));
    if (this.#clock.isAtEnd && !this.#clock.isLive) this.#goOn(secs);
    else this.#secsAtEnd = 0;
    this.draw();
  }

  draw() {
    const { index, position, isAtEnd } = this.#clock;
    const step = this.#store.nSteps ? readStep(this.#store, index) : null;
    if (!step) {
      this.#store.want(index);
      return;
    }
    const share = isAtEnd || prefersLessMotion() ? 0 : position - index;
    const next = share > 0 ? readStep(this.#store, index + 1) : null;
    const move = `${index} ${next ? share : 0}`;
    if (move === this.#lastMove) return;
    this.#lastMove = move;
    const chunk = this.#store.chunkAt(index);
    if (chunk && this.#picture.find(chunk, this.#agent)) this.#setStage();
    setText(this.#result, step.end ? this.#outcome(step) : formatNumber(step.returnSoFar));
    if (this.#picture.isShown) this.#picture.draw(this.#store, index);
    else if (this.#hasGrid) {
      const how = { selected: null, hasNext: next !== null, hasTrails: false, trailSteps: 0 };
      const figures = readFigures(this.#store, index, how);
      this.#grid.draw(step, next, share, readTrail(this.#store, index, TRAIL_STEPS), figures);
    } else this.#history.draw(this.#store, index);
    this.node.dataset.step = String(step.number);
  }

  close() {
    this.#grid.close();
    this.#picture.close();
    this.#history.close();
    this.#store.close();
    this.node.remove();
  }

  /** Whose pictures are shown, of several agents: another one may earn more later. */
  get #agent() {
    const { opened } = this.#store;
    const agent = opened.agents.find(({ id }) => id === this.#agentId) ?? firstAgent(opened);
    this.#agentId = agent?.id ?? "";
    return agent;
  }

  get #hasGrid() {
    return (this.#store?.outline?.substrate.position_dim ?? 0) > 0;
  }

  #listen() {
    this.#store.addEventListener("outline", () => this.#open());
    this.#store.addEventListener("change", () => {
      this.#clock.nSteps = this.#store.nSteps;
      this.#store.fetchAhead(this.#clock.index, CHUNKS_AHEAD);
    });
    this.#store.addEventListener("ended", () => (this.#clock.isLive = false));
    this.#store.addEventListener("waiting", () => {
      this.isWaiting = true;
      this.#say(this.#store.outline ? "" : "Waiting for an episode…");
    });
    this.#store.addEventListener("failure", (event) => {
      if (this.#store.outline && !this.#store.outline.live)
        this.#store.goOn(); // Redis has deleted the next steps
      else this.#say(messageOf(/** @type {CustomEvent} */ (event).detail));
    });
  }

  #open() {
    const { opened: outline, nSteps } = this.#store;
    const clock = this.#clock;
    this.isWaiting = false;
    this.#lastMove = "";
    this.#secsAtEnd = 0;
    clock.nSteps = nSteps;
    clock.isLive = outline.live;
    clock.seek(nSteps > MOST_STEPS_BEHIND ? clock.lastIndex : 0);
    clock.play();
    this.#store.fetchAhead(clock.index, CHUNKS_AHEAD);
    this.#grid.open(outline);
    this.#agentId = "";
    this.#picture.open(outline, this.#agent);
    this.#history.open(outline);
    this.#setStage();
    this.#say("");
    this.#name(outline.episodeId);
  }

  /**
   * Take the lane's next episode, after a look at the last step of this one.
   *
   * @param {number} secs
   */
  #goOn(secs) {
    this.#secsAtEnd += secs;
    if (this.#secsAtEnd >= LAST_STEP_SECS) this.#store.goOn();
  }

  /** @param {number} index */
  #isLoaded(index) {
    const own = Math.min(index, this.#clock.lastIndex);
    if (!this.#store.nSteps || this.#store.chunkAt(own)) return true;
    this.#store.want(own);
    return false;
  }

  /** @param {import("./step_view.js").StepView} step */
  #outcome({ end, returnSoFar }) {
    return `${END_WORDS[/** @type {keyof typeof END_WORDS} */ (end)]} · ${formatNumber(returnSoFar)}`;
  }

  /** @param {?number} episodeId */
  #name(episodeId) {
    const text = episodeId === null ? "" : `episode ${episodeId}`;
    setText(this.#episode, text);
    this.node.setAttribute("aria-label", `Lane ${this.lane}${text ? `, ${text}` : ""}: watch it alone`);
  }

  /** @param {string} text */
  #say(text) {
    setText(this.#message, text);
    this.#message.hidden = text === "";
  }

  /** Show the picture, the board, or curves of an episode that has neither. */
  #setStage() {
    const hasPicture = this.#picture.isShown;
    const isOpen = this.#store?.outline !== null && this.#store !== undefined;
    this.#picture.node.hidden = !hasPicture;
    this.#grid.node.hidden = hasPicture || !this.#hasGrid;
    this.#history.node.hidden = !isOpen || hasPicture || this.#hasGrid;
  }
}
