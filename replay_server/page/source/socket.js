/**
 * The WebSocket to the replay server, shared by the streams of the page. It joins the parts of chunks, dispatches
 * messages to streams, and reconnects. PROTOCOL.md is the specification.
 */

/** @import { StreamMessage } from "./messages.js" */

const PART_HEADER_BYTES = 16;
const FIRST_RETRY_MILLIS = 250;
const LONGEST_RETRY_MILLIS = 8000;

/** Rate of messages, below the server's limit of 100 in a burst and 50 per second. */
const BURST = 60;
const MESSAGES_PER_MILLI = 0.04;

/** Limit for a chunk's size, whatever a part claims. */
const MAX_CHUNK_BYTES = 128 * 2 ** 20;

/**
 * @typedef {object} Stream
 * @property {(id: number) => void} onConnected
 * @property {(message: StreamMessage) => void} onMessage
 * @property {(position: number, bytes: Uint8Array) => void} onChunk
 */

export class ReplaySocket {
  #url;
  /** @type {?WebSocket} */
  #socket = null;
  /** @type {Map<number, Stream>} */
  #streams = new Map();
  /** @type {Map<number, Uint8Array>} */
  #parts = new Map();
  #nextId = 0;
  #retryMillis = FIRST_RETRY_MILLIS;
  #retryTimer = 0;
  /** @type {Set<(isOpen: boolean) => void>} */
  #listeners = new Set();
  #allowance = BURST;
  #allowanceAt = 0;

  /** @param {string} url `ws:` or `wss:` */
  constructor(url) {
    this.#url = url;
  }

  /** Whether messages can be sent now. */
  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /**
   * Call `listener(isOpen)` when the connection opens or is lost; return a function that removes it.
   *
   * @param {(isOpen: boolean) => void} listener
   * @returns {() => void}
   */
  onState(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Add a stream. `onConnected(id)` is called at once if the socket is open, and after each reconnection.
   *
   * @param {Stream} stream
   *
   * @returns {number} the stream's id
   */
  addStream(stream) {
    const id = this.#nextId++ & 0xffff;
    this.#streams.set(id, stream);
    this.connect();
    if (this.isOpen) stream.onConnected(id);
    return id;
  }

  /**
   * Close a stream, here and on the server.
   *
   * @param {number} id
   */
  removeStream(id) {
    this.#streams.delete(id);
    this.#parts.delete(id);
    if (this.isOpen) this.send({ type: "close", id });
  }

  /** Connect before the first stream, so that opening an episode does not wait for it. */
  connect() {
    if (this.#socket) return;
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#retryMillis = FIRST_RETRY_MILLIS;
      this.#tell(true);
      for (const [id, stream] of this.#streams) stream.onConnected(id);
    });
    socket.addEventListener("message", ({ data }) => (typeof data === "string" ? this.#text(data) : this.#part(data)));
    socket.addEventListener("close", () => this.#lost());
    this.#socket = socket;
  }

  /**
   * Send a message. It is dropped if the connection is lost, because streams then start again.
   *
   * @param {object} message
   */
  send(message) {
    if (!this.#socket || !this.isOpen) return;
    this.#allowance -= 1;
    this.#socket.send(JSON.stringify(message));
  }

  /** Milliseconds until the server's rate limit allows the next message. */
  waitMillis() {
    const now = performance.now();
    this.#allowance = Math.min(BURST, this.#allowance + (now - this.#allowanceAt) * MESSAGES_PER_MILLI);
    this.#allowanceAt = now;
    return this.#allowance >= 1 ? 0 : (1 - this.#allowance) / MESSAGES_PER_MILLI;
  }

  #lost() {
    this.#socket = null;
    this.#parts.clear();
    this.#tell(false);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.connect(), this.#retryMillis);
    this.#retryMillis = Math.min(this.#retryMillis * 2, LONGEST_RETRY_MILLIS);
  }

  /** @param {boolean} isOpen */
  #tell(isOpen) {
    for (const listener of this.#listeners) listener(isOpen);
  }

  /** @param {string} data */
  #text(data) {
    const message = JSON.parse(data);
    this.#streams.get(message.id)?.onMessage(message);
  }

  /** @param {ArrayBuffer} buffer */
  #part(buffer) {
    const view = new DataView(buffer);
    if (buffer.byteLength < PART_HEADER_BYTES || view.getUint8(0) !== 1) return;
    const id = view.getUint16(2, true);
    const stream = this.#streams.get(id);
    const offset = view.getUint32(8, true);
    const nBytes = view.getUint32(12, true);
    const part = new Uint8Array(buffer, PART_HEADER_BYTES);
    if (!stream || nBytes > MAX_CHUNK_BYTES || offset + part.length > nBytes) return;
    if (offset === 0) this.#parts.set(id, new Uint8Array(nBytes));
    const whole = this.#parts.get(id);
    if (whole?.length !== nBytes) return;
    whole.set(part, offset);
    if (view.getUint8(1) === 1) {
      this.#parts.delete(id);
      stream.onChunk(view.getUint32(4, true), whole);
    }
  }
}
