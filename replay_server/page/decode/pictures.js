/**
 * Unpacks the pictures of a chunk, each from the one before it, and says which values are pictures. FORMAT.md, sections
 * "Encodings" and "Pictures", is the specification.
 */

import { brief, CorruptEpisodeError, EpisodeTooLargeError } from "./errors.js";
import { MAX_FRAME_BYTES, unpackBlock } from "./lz4.js";

/** @import { ColumnSpec } from "./columns.js" */

/**
 * How a value holds one picture or a stack of them, the newest last. `axes` are those of height, width and channels, the
 * last -1 where there is none; `nNew` is how far a stack moves with one picture along `stackAxis`.
 *
 * @typedef {object} PictureShape
 * @property {number} height
 * @property {number} width
 * @property {number} channels 1 for grey, 3 for red, green and blue
 * @property {number} nPictures
 * @property {?number} stackAxis
 * @property {number} nNew
 * @property {[height: number, width: number, channel: number]} axes
 */

const SMALLEST_SIDE = 16;
const MOST_CHANNELS = 16;
const SHOWN_DTYPES = new Set(["|u1", "<u2", "<f2", "<f4", "<f8"]);

const NO_STACK = 255;
const HEAD_BYTES = 4;
const [WHOLE, DIFFERENCE, SHIFTED] = [0, 1, 2];

/**
 * How a column's values are shown as pictures; null for those that are none.
 *
 * @param {{dtype: string, shape: number[]}} spec
 * @returns {?PictureShape}
 */
export function pictureShape({ dtype, shape }) {
  if (!SHOWN_DTYPES.has(dtype)) return null;
  if (shape.length === 4 && shape[0] >= 2 && shape[0] <= MOST_CHANNELS) {
    const one = pictureShape({ dtype, shape: shape.slice(1) });
    if (!one || one.nPictures > 1) return null;
    const [height, width, channel] = one.axes;
    const axes = /** @type {PictureShape["axes"]} */ ([height + 1, width + 1, channel >= 0 ? channel + 1 : -1]);
    return { ...one, nPictures: shape[0], stackAxis: 0, nNew: 1, axes };
  }
  /** @type {PictureShape["axes"]} */
  let axes;
  if (shape.length === 2) axes = [0, 1, -1];
  else if (shape.length === 3 && shape[2] <= MOST_CHANNELS) axes = [0, 1, 2];
  else if (shape.length === 3 && shape[0] <= MOST_CHANNELS) axes = [1, 2, 0];
  else return null;
  const [height, width] = [shape[axes[0]], shape[axes[1]]];
  const nChannels = axes[2] >= 0 ? shape[axes[2]] : 1;
  if (Math.min(height, width) < SMALLEST_SIDE || nChannels === 0) return null;
  const channels = nChannels % 3 === 0 ? 3 : 1;
  const nPictures = nChannels / channels;
  return { height, width, channels, nPictures, stackAxis: nPictures > 1 ? axes[2] : null, nNew: channels, axes };
}

/** The pictures of one column of a chunk. */
export class PictureReader {
  #bytes;
  #spec;
  /** @type {number[]} */
  #kinds = [];
  /** @type {number[]} */
  #bounds = [];
  /** @type {?{outer: number, inner: number, nNew: number}} the stack as rows of `inner` bytes */
  #stack = null;
  #stepBytes;
  /** @type {?{index: number, bytes: Uint8Array<ArrayBuffer>}} */
  #last = null;

  /**
   * @param {Uint8Array} bytes of the slot
   * @param {number} nPictures
   * @param {ColumnSpec} spec
   * @throws {CorruptEpisodeError} they are no such pictures.
   * @throws {EpisodeTooLargeError} unpacked they would exceed the limit of a chunk.
   */
  constructor(bytes, nPictures, spec) {
    this.#bytes = bytes;
    this.#spec = spec;
    const itemBytes = spec.dtype === "<u2" ? 2 : 1;
    this.#stepBytes = spec.nValues * itemBytes;
    if (nPictures * this.#stepBytes > MAX_FRAME_BYTES)
      throw new EpisodeTooLargeError(
        `column ${brief(spec.name)}: the pictures of a chunk would take ${nPictures * this.#stepBytes} bytes`,
      );
    let end = HEAD_BYTES + 4 * nPictures;
    if (bytes.length < end) throw this.#corrupt(`${bytes.length} bytes for ${nPictures} pictures`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const [axis, nNew] = bytes;
    if (axis !== NO_STACK) {
      if (axis >= spec.shape.length || nNew === 0 || nNew >= spec.shape[axis]) throw this.#corrupt("an invalid stack");
      const inner = spec.shape.slice(axis + 1).reduce((product, n) => product * n, itemBytes);
      this.#stack = { outer: spec.shape[axis] * inner, inner, nNew: nNew * inner };
    }
    this.#bounds.push(end);
    for (let index = 0; index < nPictures; index++) {
      const word = view.getUint32(HEAD_BYTES + 4 * index, true);
      end += word & 0x3fffffff;
      this.#kinds.push(word >>> 30);
      this.#bounds.push(end);
    }
    if (end !== bytes.length) throw this.#corrupt(`its pictures end at byte ${end} of ${bytes.length}`);
    const highest = this.#stack ? SHIFTED : DIFFERENCE;
    if ((nPictures > 0 && this.#kinds[0] !== WHOLE) || this.#kinds.some((kind) => kind > highest))
      throw this.#corrupt("a picture of an invalid kind");
  }

  /**
   * The numbers of one picture.
   *
   * @param {number} index
   * @throws {CorruptEpisodeError} a block of it is damaged.
   */
  picture(index) {
    let first = index;
    while (this.#kinds[first] !== WHOLE) first--;
    const last = this.#last;
    let bytes;
    if (last && first <= last.index && last.index <= index) {
      bytes = last.bytes.slice();
      first = last.index + 1;
    } else bytes = new Uint8Array(this.#stepBytes);
    const scratch = new Uint8Array(this.#stepBytes);
    for (let at = first; at <= index; at++) this.#advance(bytes, at, scratch);
    this.#last = { index, bytes };
    return this.#spec.dtype === "<u2" ? new Uint16Array(bytes.buffer) : bytes;
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @param {number} at
   * @param {Uint8Array<ArrayBuffer>} scratch
   */
  #advance(bytes, at, scratch) {
    const [start, end] = [this.#bounds[at], this.#bounds[at + 1]];
    const stack = this.#kinds[at] === SHIFTED ? this.#stack : null;
    const nBytes = stack ? (this.#stepBytes / stack.outer) * stack.nNew : this.#stepBytes;
    const isEmpty = start === end;
    if (this.#kinds[at] === WHOLE) {
      this.#unpack(at, start, end, bytes);
      return;
    }
    if (!isEmpty) this.#unpack(at, start, end, scratch.subarray(0, nBytes));
    if (!stack) {
      if (!isEmpty) xorInto(bytes, scratch);
      return;
    }
    for (let row = 0, from = 0; row < bytes.length; row += stack.outer) {
      bytes.copyWithin(row, row + stack.nNew, row + stack.outer);
      const stop = row + stack.outer;
      if (!isEmpty) for (let place = stop - stack.nNew; place < stop; place++) bytes[place] ^= scratch[from++];
    }
  }

  /**
   * @param {number} at
   * @param {number} start
   * @param {number} end
   * @param {Uint8Array} out
   */
  #unpack(at, start, end, out) {
    if (unpackBlock(this.#bytes, start, end, out, 0) !== out.length) throw this.#corrupt(`picture ${at} is cut off`);
  }

  /** @param {string} problem */
  #corrupt(problem) {
    return new CorruptEpisodeError(`column ${brief(this.#spec.name)}: ${problem}`);
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Uint8Array<ArrayBuffer>} other
 */
function xorInto(bytes, other) {
  const nWords = bytes.length >> 2;
  const [words, others] = [new Uint32Array(bytes.buffer, 0, nWords), new Uint32Array(other.buffer, 0, nWords)];
  for (let index = 0; index < nWords; index++) words[index] ^= others[index];
  for (let index = 4 * nWords; index < bytes.length; index++) bytes[index] ^= other[index];
}
