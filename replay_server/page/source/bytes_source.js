/** An episode from a recording's bytes, without a server: the same interface as `SocketSource`. */

import { readEpisodeFile } from "../decode/episode_file.js";
import { outlineOfMessage } from "./outline.js";

export class BytesSource {
  #bytes;
  #told;
  #chunks = [];
  #listener = null;

  /**
   * @param {Uint8Array} bytes a file of version 2
   * @param {object} told its outline, in the form of an `opened` message
   */
  constructor(bytes, told) {
    this.#bytes = bytes;
    this.#told = told;
  }

  /** Start; see `SocketSource.start`. */
  start(listener) {
    this.#listener = listener;
    queueMicrotask(() => {
      try {
        this.#chunks = readEpisodeFile(this.#bytes).chunks;
        listener.onOutline(outlineOfMessage(this.#told));
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
