/** An episode from a recording's bytes, without a server: the same interface as `SocketSource`. */

import { readEpisodeFile } from "../decode/episode_file.js";
import { outlineOfFile } from "./outline.js";

export class BytesSource {
  #bytes;
  #chunks = [];
  #listener = null;

  /** @param {Uint8Array} bytes a file of version 2 */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  /** Start; see `SocketSource.start`. */
  start(listener) {
    this.#listener = listener;
    queueMicrotask(() => {
      try {
        const file = readEpisodeFile(this.#bytes);
        this.#chunks = file.chunks;
        listener.onOutline(outlineOfFile(file));
      } catch (error) {
        listener.onError(error);
      }
    });
  }

  /**
   * Ask for a chunk; `onChunk` brings it: at once when a person waits for it, else when the page has nothing better to
   * do.
   */
  request(position, { urgent = false } = {}) {
    const { offset, nBytes } = this.#chunks[position];
    const deliver = () => this.#listener?.onChunk(position, this.#bytes.subarray(offset, offset + nBytes));
    if (urgent) queueMicrotask(deliver);
    else setTimeout(deliver);
  }

  /** Ask for nothing more. */
  close() {
    this.#listener = null;
  }
}
