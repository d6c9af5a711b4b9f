/**
 * The decoded steps of one episode from any source. Its memory is limited: the most recently used chunks are kept,
 * others are fetched again.
 */

import { decodeChunk } from "../decode/chunk.js";

/** @import { Chunk } from "../decode/chunk.js" */
/** @import { Marker, Outline } from "./outline.js" */

/** Limit for the unpacked bytes of cached chunks. */
const MAX_CACHED_BYTES = 48 * 2 ** 20;

/** Chunks prefetched after the current one. */
const AHEAD = 2;

/**
 * The source of chunks: a `SocketSource` or a `BytesSource`.
 *
 * @typedef {object} Source
 * @property {(listener: import("./socket_source.js").Listener) => void} start
 * @property {(position: number, options?: {urgent?: boolean}) => void} request
 * @property {() => void} [goOn]
 * @property {() => void} close
 */

/**
 * Events: `outline` (an episode was opened, or replaced), `change` (there are new steps, markers or curves), `ended`,
 * `waiting`, `behind` (with a number of episodes as `detail`), `failure` (with an error as `detail`).
 */
export class EpisodeStore extends EventTarget {
  /** @type {?Outline} */
  outline = null;

  /**
   * Markers of the kind `annotation`, in order.
   *
   * @type {Marker[]}
   */
  annotations = [];

  /**
   * Kinds of markers that the person switched off.
   *
   * @type {Set<import("./outline.js").MarkerKind>}
   */
  hiddenKinds = new Set();

  #source;
  /** @type {Map<number, Chunk>} */
  #chunks = new Map();
  #cachedBytes = 0;
  #maxCachedBytes;
  /** @type {Map<number, {resolve: (chunk: Chunk) => void, reject: (error: unknown) => void}[]>} */
  #waiting = new Map();

  /**
   * @param {Source} source
   * @param {number} [maxCachedBytes] limit for the unpacked bytes of cached chunks
   */
  constructor(source, maxCachedBytes = MAX_CACHED_BYTES) {
    super();
    this.#maxCachedBytes = maxCachedBytes;
    this.#source = source;
    source.start({
      onOutline: (outline) => this.#onOutline(outline),
      onChunk: (position, bytes) => this.#onChunk(position, bytes),
      onGrown: () => this.#tell("change"),
      onEnded: () => this.#tell("ended"),
      onWaiting: () => this.#tell("waiting"),
      onBehind: (nEpisodes) => this.dispatchEvent(new CustomEvent("behind", { detail: nEpisodes })),
      onError: (error) => this.#fail(error),
    });
  }

  /**
   * The outline of the open episode.
   *
   * @throws {Error} none is open yet.
   */
  get opened() {
    if (!this.outline) throw new Error("no episode is open yet");
    return this.outline;
  }

  get table() {
    return this.opened.table;
  }

  get nSteps() {
    return this.outline?.table.nSteps ?? 0;
  }

  /** All markers, in order. */
  get allMarkers() {
    const { markers } = this.opened;
    return this.annotations.length
      ? [...markers, ...this.annotations].sort((one, other) => one.index - other.index)
      : markers;
  }

  /** The markers on the timeline, in order: all but those of the hidden kinds. */
  get markers() {
    return this.hiddenKinds.size ? this.allMarkers.filter(({ kind }) => !this.hiddenKinds.has(kind)) : this.allMarkers;
  }

  /** Resolved when an episode is open; rejected with the first failure before. */
  async whenOpened() {
    if (this.outline) return;
    await new Promise((resolve, reject) => {
      this.addEventListener("outline", resolve, { once: true });
      this.addEventListener("failure", reject, { once: true });
    });
  }

  /** Open the next episode of the run that is followed. */
  goOn() {
    this.#source.goOn?.();
  }

  /**
   * The decoded chunk of the step with this index, or null if it is not loaded.
   *
   * @param {number} index
   */
  chunkAt(index) {
    const position = this.table.positionOf(index);
    const chunk = this.#chunks.get(position);
    if (!chunk) return null;
    this.#chunks.delete(position);
    this.#chunks.set(position, chunk);
    return chunk;
  }

  /** @param {number} index */
  want(index) {
    if (!this.nSteps) return;
    const position = this.table.positionOf(index);
    if (!this.#chunks.has(position)) this.#source.request(position, { urgent: true });
  }

  /**
   * Prefetch the chunks after this step's, once it is shown, so that it is not delayed.
   *
   * @param {number} index
   * @param {number} [nChunks]
   */
  fetchAhead(index, nChunks = AHEAD) {
    if (!this.nSteps) return;
    const position = this.table.positionOf(index);
    const last = Math.min(position + nChunks, this.table.chunks.length - 1);
    for (let ahead = position + 1; ahead <= last; ahead++) if (!this.#chunks.has(ahead)) this.#source.request(ahead);
  }

  /**
   * Wait for this step's chunk.
   *
   * @param {number} index
   * @returns {Promise<Chunk>}
   */
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

  /** Close the source and drop everything. */
  close() {
    this.#source.close();
    this.#chunks.clear();
    this.#abandon(new Error("the episode was closed"));
  }

  /** @param {Outline} outline */
  #onOutline(outline) {
    this.#chunks.clear();
    this.#cachedBytes = 0;
    this.#abandon(new Error("another episode has replaced it"));
    this.outline = outline;
    this.#tell("outline");
  }

  /**
   * @param {number} position
   * @param {Uint8Array} bytes
   */
  #onChunk(position, bytes) {
    let chunk = this.#chunks.get(position);
    if (!chunk) {
      try {
        chunk = decodeChunk(bytes, this.opened.schema);
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#keep(position, chunk);
    }
    for (const { resolve } of this.#waiting.get(position) ?? []) resolve(chunk);
    this.#waiting.delete(position);
    this.#tell("change");
  }

  /**
   * @param {number} position
   * @param {Chunk} chunk
   */
  #keep(position, chunk) {
    this.#chunks.set(position, chunk);
    this.#cachedBytes += chunk.nBytes;
    for (const [oldest, { nBytes }] of this.#chunks) {
      if (this.#cachedBytes <= this.#maxCachedBytes || oldest === position) break;
      this.#chunks.delete(oldest);
      this.#cachedBytes -= nBytes;
    }
  }

  /** @param {unknown} error */
  #abandon(error) {
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting) reject(error);
    this.#waiting.clear();
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#abandon(error);
    this.dispatchEvent(new CustomEvent("failure", { detail: error }));
  }

  /** @param {string} type */
  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}
