/** An episode from the replay server: a recording (`open`) or a live one (`follow`). */

import { ChunkRequests } from "./chunk_requests.js";
import { extendTable, grow, outlineOfMessage, replaceFindings } from "./outline.js";

/** @import { EndedMessage, GrownMessage, Metadata, OpenedMessage, FinalOutline, StreamMessage } from "./messages.js" */
/** @import { Outline } from "./outline.js" */

/** Chunks sent with `opened` without a request: the one that is shown first. */
const FIRST_CREDIT = 1;

/**
 * Receives an episode's events.
 *
 * @typedef {object} Listener
 * @property {(outline: Outline) => void} onOutline an episode was opened, or replaced
 * @property {(position: number, bytes: Uint8Array) => void} onChunk
 * @property {() => void} onGrown
 * @property {() => void} onEnded
 * @property {() => void} onWaiting
 * @property {(nEpisodes: number) => void} [onBehind] as many episodes have begun in the lane since this one's end
 * @property {(error: {message: string}) => void} onError
 */

export class SocketSource {
  #socket;
  #wanted;
  #id = -1;
  #requests = new ChunkRequests();
  /** @type {?Outline} */
  #outline = null;
  /** @type {?string} */
  #contentHash = null;
  /** @type {?(string | number)} */
  #lastSeq = null;

  /** Chunks that the server sends with the next `opened`; none if the episode was not requested. */
  #firstCredit = 0;
  /** Whether `open` is unanswered: until then the server cannot apply a `seek`. */
  #isOpening = false;
  /** Whether the run's next episode is wanted, not the open one. */
  #isGoingOn = false;
  #timer = 0;
  /** @type {?Listener} */
  #listener = null;

  /**
   * @param {import("./socket.js").ReplaySocket} socket
   * @param {{runId: ?string, episodeId: ?number, follow: boolean, lane?: ?number, staysInLane?: boolean}} wanted without `runId`, the newest run that has the
   *   episode; to follow without `episodeId`, the run's latest episode, of this `lane` if it has one, and of no other
   *   lane with `staysInLane`
   */
  constructor(socket, wanted) {
    this.#socket = socket;
    this.#wanted = wanted;
  }

  /** @param {Listener} listener */
  start(listener) {
    this.#listener = listener;
    this.#id = this.#socket.addStream({
      onConnected: (id) => this.#open(id),
      onMessage: (message) => this.#onMessage(message),
      onChunk: (position, bytes) => {
        this.#requests.arrived(position);
        this.#pump();
        if (this.#outline) listener.onChunk(position, bytes);
      },
    });
  }

  /**
   * Request a chunk, which `onChunk` gets.
   *
   * @param {number} position
   * @param {{urgent?: boolean}} options
   */
  request(position, options = {}) {
    this.#requests.want(position, options);
    this.#pump();
  }

  /** Open the newest episode of the run that is followed, of the same lane if it has one. */
  goOn() {
    if (!this.#isFollowingRun || this.#isGoingOn) return;
    this.#isGoingOn = true;
    if (this.#socket.isOpen) this.#open(this.#id);
  }

  /** Close the stream. */
  close() {
    clearTimeout(this.#timer);
    this.#socket.removeStream(this.#id);
  }

  get #isFollowingRun() {
    return this.#wanted.follow && this.#wanted.episodeId === null;
  }

  /** @param {number} id */
  #open(id) {
    const { runId, follow } = this.#wanted;
    const open = this.#isGoingOn ? null : this.#outline;
    const episodeId = this.#wanted.episodeId ?? (follow ? open?.episodeId : null) ?? null;
    const lane = this.#isGoingOn && this.#outline ? (this.#outline.metadata.lane ?? 0) : (this.#wanted.lane ?? null);
    this.#isOpening = true;
    this.#firstCredit = FIRST_CREDIT;
    /** @type {{[name: string]: unknown}} */
    const message = { type: follow ? "follow" : "open", id, credit: FIRST_CREDIT };
    if (runId !== null) message.run_id = runId;
    if (episodeId !== null) message.episode_id = episodeId;
    if (follow && this.#lastSeq && !this.#isGoingOn) message.last_seq = this.#lastSeq;
    if (this.#isFollowingRun) message.waits = true;
    if (this.#isFollowingRun && lane !== null && episodeId === null) message.lane = lane;
    if (this.#wanted.staysInLane) message.stays = true;
    this.#socket.send(message);
  }

  /** @param {StreamMessage} message */
  #onMessage(message) {
    switch (message.type) {
      case "opened":
        return this.#onOpened(message);
      case "grown":
        return this.#onGrown(message);
      case "ended":
        return this.#onEnded(message.metadata, message.outline);
      case "waiting":
        return this.#listener?.onWaiting();
      case "behind":
        return this.#isGoingOn ? undefined : this.#listener?.onBehind?.(message.n_episodes);
      case "error":
        // The current episode was not kept: no more steps will come.
        if (this.#isFollowingRun && this.#outline?.live && message.code === "not_found")
          return this.#onEnded(this.#outline.metadata);
        return this.#listener?.onError(message);
      default:
        return undefined;
    }
  }

  /** @param {OpenedMessage} message */
  #onOpened(message) {
    this.#isOpening = false;
    this.#isGoingOn = false;
    this.#lastSeq = message.last_seq ?? null;
    const outline = this.#outline;
    const isGood = message.resumed || (message.content_hash !== null && message.content_hash === this.#contentHash);
    this.#contentHash = message.content_hash;
    if (outline && message.episode_id === outline.episodeId && isGood) {
      extendTable(outline.table, message.chunks.slice(outline.table.chunks.length));
      replaceFindings(outline, message);
      this.#expectFirst(outline, message.next_chunk);
      this.#pump();
      this.#listener?.onGrown();
      return;
    }
    this.#requests = new ChunkRequests();
    this.#outline = outlineOfMessage(message);
    this.#expectFirst(this.#outline, message.next_chunk);
    this.#listener?.onOutline(this.#outline);
  }

  /**
   * @param {Metadata} metadata
   * @param {?FinalOutline} [final]
   */
  #onEnded(metadata, final) {
    if (!this.#outline) return;
    if (final) replaceFindings(this.#outline, final);
    this.#outline.live = false;
    this.#outline.metadata = metadata;
    this.#listener?.onEnded();
  }

  /**
   * @param {Outline} outline
   * @param {number} position
   */
  #expectFirst({ table }, position) {
    this.#requests.restart(position, Math.min(this.#firstCredit, table.chunks.length - position));
    this.#firstCredit = 0;
  }

  /** @param {GrownMessage} message */
  #onGrown(message) {
    if (!this.#outline) return;
    if (message.last_seq) this.#lastSeq = message.last_seq;
    extendTable(this.#outline.table, message.chunks);
    grow(this.#outline, message);
    this.#listener?.onGrown();
  }

  #pump() {
    if (!this.#outline || this.#isOpening || !this.#socket.isOpen) return;
    clearTimeout(this.#timer);
    const waitMillis = this.#socket.waitMillis();
    if (waitMillis > 0) {
      this.#timer = setTimeout(() => this.#pump(), waitMillis);
      return;
    }
    const next = this.#requests.next();
    if (!next) return;
    if (next.seek === null) {
      this.#socket.send({ type: "credit", id: this.#id, n: next.credit });
    } else {
      const step = this.#outline.table.chunks[next.seek].firstIndex;
      this.#socket.send({ type: "seek", id: this.#id, step, credit: next.credit });
    }
  }
}
