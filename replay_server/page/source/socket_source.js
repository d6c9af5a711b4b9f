/** An episode from the replay server: a recording (`open`), or one that is still being recorded (`follow`). */

import { ChunkRequests } from "./chunk_requests.js";
import { extendTable, gapsOf, outlineOfMessage } from "./outline.js";

/** Chunks that come with `opened`, unasked. */
const FIRST_CREDIT = 2;

export class SocketSource {
  #socket;
  #wanted;
  #id = null;
  #requests = new ChunkRequests();
  #outline = null;
  #contentHash = null;
  #lastSeq = null;
  /**
   * Chunks that the server sends with the next `opened`; none with that of a next episode, which nobody asked to open.
   */
  #firstCredit = 0;
  #timer = 0;
  #listener = null;

  /**
   * @param {import("./socket.js").ReplaySocket} socket
   * @param {{runId: ?string, episodeId: ?number, follow: boolean}} wanted without `runId` the newest run that has the
   *   episode; to follow without `episodeId` is to follow whatever the run plays last
   */
  constructor(socket, wanted) {
    this.#socket = socket;
    this.#wanted = wanted;
  }

  /**
   * Start; `listener` is told what happens: `onOutline(outline)` (again when another episode takes its place),
   * `onChunk(position, bytes)`, `onGrown()`, `onEnded(metadata)`, `onWaiting()`, `onError(error)`.
   */
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

  /** Ask for a chunk; `onChunk` brings it. */
  request(position, options) {
    this.#requests.want(position, options);
    this.#pump();
  }

  /** Ask for nothing more. */
  close() {
    clearTimeout(this.#timer);
    this.#socket.removeStream(this.#id);
  }

  #open(id) {
    const { runId, episodeId, follow } = this.#wanted;
    this.#firstCredit = FIRST_CREDIT;
    const message = { type: follow ? "follow" : "open", id, credit: FIRST_CREDIT };
    if (runId !== null) message.run_id = runId;
    if (episodeId !== null) message.episode_id = episodeId;
    if (follow && this.#lastSeq) message.last_seq = this.#lastSeq;
    this.#socket.send(message);
  }

  #onMessage(message) {
    switch (message.type) {
      case "opened":
        return this.#onOpened(message);
      case "grown":
        return this.#onGrown(message);
      case "ended":
        this.#lastSeq = null;
        this.#outline.live = false;
        this.#outline.metadata = message.metadata;
        return this.#listener.onEnded();
      case "waiting":
        return this.#listener.onWaiting();
      case "error":
        return this.#listener.onError(message);
      default:
        return undefined;
    }
  }

  #onOpened(message) {
    this.#lastSeq = message.last_seq;
    const isSame =
      this.#outline !== null &&
      (message.resumed || (message.content_hash !== null && message.content_hash === this.#contentHash));
    this.#contentHash = message.content_hash;
    if (isSame) {
      const known = this.#outline.table.chunks.length;
      extendTable(this.#outline.table, message.chunks.slice(known));
      this.#outline.markers = message.markers;
      this.#outline.gaps = gapsOf(message.gaps);
      this.#expectFirst(message.next_chunk);
      this.#pump();
      return this.#listener.onGrown();
    }
    this.#requests = new ChunkRequests();
    this.#outline = outlineOfMessage(message);
    this.#expectFirst(message.next_chunk);
    return this.#listener.onOutline(this.#outline);
  }

  #expectFirst(position) {
    this.#requests.restart(position, Math.min(this.#firstCredit, this.#outline.table.chunks.length - position));
    this.#firstCredit = 0;
  }

  #onGrown(message) {
    if (message.last_seq) this.#lastSeq = message.last_seq;
    extendTable(this.#outline.table, message.chunks);
    this.#outline.markers.push(...message.markers);
    if (message.gaps.length) this.#outline.gaps = gapsOf(message.gaps);
    this.#listener.onGrown();
  }

  #pump() {
    if (!this.#outline || !this.#socket.isOpen) return;
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
