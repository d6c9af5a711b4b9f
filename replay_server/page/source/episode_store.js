/**
 * The decoded steps of one episode, over any source. Holds a bounded number of bytes: the chunks used last stay, the
 * others are fetched again.
 */

import { decodeChunk } from "../decode/chunk.js";

/** Unpacked bytes of chunks that are kept. */
const MAX_CACHED_BYTES = 48 * 2 ** 20;

/** Chunks fetched ahead of the one that plays. */
const AHEAD = 2;

/**
 * Events: `outline` (an episode was opened, or another took its place), `change` (steps, markers or curves grew),
 * `ended`, `waiting`, `failure` (with `detail`, an error).
 */
export class EpisodeStore extends EventTarget {
  /** @type {?import("./outline.js").Outline} */
  outline = null;

  /** Notes that people wrote on steps of this episode: markers of the kind `note`, in order. */
  notes = [];

  #source;
  #chunks = new Map();
  #cachedBytes = 0;
  #waiting = new Map();

  /** @param {import("./socket_source.js").SocketSource|import("./bytes_source.js").BytesSource} source */
  constructor(source) {
    super();
    this.#source = source;
    source.start({
      onOutline: (outline) => this.#onOutline(outline),
      onChunk: (position, bytes) => this.#onChunk(position, bytes),
      onGrown: () => this.#tell("change"),
      onEnded: () => this.#tell("ended"),
      onWaiting: () => this.#tell("waiting"),
      onError: (error) => this.#fail(error),
    });
  }

  get table() {
    return this.outline.table;
  }

  get nSteps() {
    return this.outline?.table.nSteps ?? 0;
  }

  /** Everything that is marked on the timeline, in order. */
  get markers() {
    const { markers } = this.outline;
    return this.notes.length ? [...markers, ...this.notes].sort((one, other) => one.index - other.index) : markers;
  }

  /** Stay with this episode when the run that is followed goes on to its next one, or go on with the run again. */
  stay(stays) {
    this.#source.stay?.(stays);
  }

  /** The decoded chunk that holds the step with this index, or null while it is not here. */
  chunkAt(index) {
    const position = this.table.positionOf(index);
    const chunk = this.#chunks.get(position);
    if (!chunk) return null;
    this.#chunks.delete(position);
    this.#chunks.set(position, chunk);
    return chunk;
  }

  /** Fetch the chunk that holds this step, before anything else. */
  want(index) {
    if (!this.nSteps) return;
    const position = this.table.positionOf(index);
    if (!this.#chunks.has(position)) this.#source.request(position, { urgent: true });
  }

  /** Fetch the chunks behind the one that holds this step: when it is shown, so that they are not in its way. */
  fetchAhead(index) {
    const position = this.table.positionOf(index);
    const last = Math.min(position + AHEAD, this.table.chunks.length - 1);
    for (let ahead = position + 1; ahead <= last; ahead++) if (!this.#chunks.has(ahead)) this.#source.request(ahead);
  }

  /** The chunk that holds this step, as soon as it is here. */
  load(index) {
    const chunk = this.chunkAt(index);
    if (chunk) return Promise.resolve(chunk);
    const position = this.table.positionOf(index);
    this.#source.request(position);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(position) ?? [];
      waiting.push({ resolve, reject });
      this.#waiting.set(position, waiting);
    });
  }

  /** Give everything back. */
  close() {
    this.#source.close();
    this.#chunks.clear();
    this.#abandon(new Error("the episode was closed"));
  }

  #onOutline(outline) {
    this.#chunks.clear();
    this.#cachedBytes = 0;
    this.#abandon(new Error("another episode took its place"));
    this.outline = outline;
    this.#tell("outline");
  }

  #onChunk(position, bytes) {
    if (!this.#chunks.has(position)) {
      try {
        this.#keep(position, decodeChunk(bytes, this.outline.schema));
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    const chunk = this.#chunks.get(position);
    for (const { resolve } of this.#waiting.get(position) ?? []) resolve(chunk);
    this.#waiting.delete(position);
    this.#tell("change");
  }

  #keep(position, chunk) {
    this.#chunks.set(position, chunk);
    this.#cachedBytes += chunk.nBytes;
    for (const [oldest, { nBytes }] of this.#chunks) {
      if (this.#cachedBytes <= MAX_CACHED_BYTES || oldest === position) break;
      this.#chunks.delete(oldest);
      this.#cachedBytes -= nBytes;
    }
  }

  #abandon(error) {
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting) reject(error);
    this.#waiting.clear();
  }

  #fail(error) {
    this.#abandon(error);
    this.dispatchEvent(new CustomEvent("failure", { detail: error }));
  }

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}
