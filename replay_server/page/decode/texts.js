/** Decodes text columns. FORMAT.md, section "Texts", is the specification. */

import { brief, CorruptEpisodeError } from "./errors.js";

/** @import { ColumnSpec } from "./columns.js" */

const REPEATED = 2 ** 32 - 1;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class TextReader {
  #bytes;
  #name;
  /** Where the text of each row begins and ends. */
  #spans;

  /**
   * @param {Uint8Array} bytes
   * @param {number} nTexts
   * @param {ColumnSpec} spec
   * @throws {CorruptEpisodeError} the bytes are no such texts.
   */
  constructor(bytes, nTexts, { name }) {
    this.#bytes = bytes;
    this.#name = name;
    this.#spans = new Uint32Array(2 * nTexts);
    let end = 4 * nTexts;
    if (bytes.length < end) throw this.#corrupt(`${bytes.length} bytes for ${nTexts} texts`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let row = 0; row < nTexts; row++) {
      const length = view.getUint32(4 * row, true);
      if (length === REPEATED) {
        if (row === 0) throw this.#corrupt("its first text refers to one before it");
        this.#spans.copyWithin(2 * row, 2 * row - 2, 2 * row);
        continue;
      }
      if (length > bytes.length - end) throw this.#corrupt(`text ${row} does not fit`);
      this.#spans[2 * row] = end;
      end += length;
      this.#spans[2 * row + 1] = end;
    }
    if (end !== bytes.length) throw this.#corrupt(`its texts end at byte ${end} of ${bytes.length}`);
  }

  /** @param {number} row */
  text(row) {
    try {
      return decoder.decode(this.#bytes.subarray(this.#spans[2 * row], this.#spans[2 * row + 1]));
    } catch {
      throw this.#corrupt(`text ${row} is no UTF-8`);
    }
  }

  /** @param {string} problem */
  #corrupt(problem) {
    return new CorruptEpisodeError(`column ${brief(this.#name)}: ${problem}`);
  }
}
