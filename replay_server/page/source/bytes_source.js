/** An episode from a recording's bytes, without a server; the same interface as `SocketSource`. */

import { readEpisodeFile } from "../decode/episode_file.js";
import { messageOf } from "../decode/errors.js";
import { outlineOfMessage } from "./outline.js";

/** @import { ChunkPlace } from "../decode/episode_file.js" */
/** @import { OutlineMessage } from "./messages.js" */
/** @import { Listener } from "./socket_source.js" */

export class BytesSource {
  #bytes;
  #message;
  /** @type {ChunkPlace[]} */
  #chunks = [];
  /** @type {?Listener} */
  #listener = null;

  /**
   * @param {Uint8Array} bytes a file of version 2
   * @param {OutlineMessage} message
   */
  constructor(bytes, message) {
    this.#bytes = bytes;
    this.#message = message;
  }

  /**
   * Start; see `SocketSource.start`.
   *
   * @param {Listener} listener
   */
  start(listener) {
    this.#listener = listener;
    queueMicrotask(() => {
      try {
        this.#chunks = readEpisodeFile(this.#bytes).chunks;
        listener.onOutline(outlineOfMessage(this.#message));
      } catch (error) {
        listener.onError({ message: messageOf(error) });
      }
    });
  }

  /**
   * Request a chunk. `onChunk` gets it at once if it is urgent, else when the page is idle.
   *
   * @param {number} position
   * @param {{urgent?: boolean}} options
   */
  request(position, { urgent = false } = {}) {
    const { offset, nBytes } = this.#chunks[position];
    const deliver = () => this.#listener?.onChunk(position, this.#bytes.subarray(offset, offset + nBytes));
    if (urgent) queueMicrotask(deliver);
    else setTimeout(deliver);
  }

  /** Cancel all requests. */
  close() {
    this.#listener = null;
  }
}
