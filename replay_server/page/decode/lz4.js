/**
 * Unpacks LZ4 frames within limits: the content size is checked before memory is allocated, and checksums are verified.
 * Source: LZ4 Frame Format Description 1.6, LZ4 Block Format Description, and the xxHash specification, section "XXH32
 * algorithm description".
 */

import { CorruptEpisodeError, EpisodeTooLargeError } from "./errors.js";

export const FRAME_MAGIC = 0x184d2204;

/** Limit for the unpacked bytes of one frame; the recorder's chunks stay near one MiB. */
export const MAX_FRAME_BYTES = 128 * 2 ** 20;

/** LZ4's maximum compression ratio: a frame that claims a higher one is invalid. */
const MAX_RATIO = 255;

const SHORTEST_FRAME_BYTES = 15;
const MIN_MATCH = 4;

/** So few bytes are copied one by one faster than by a call. */
const SHORT = 32;

/** @param {Uint8Array} bytes */
export function isFrame(bytes, start = 0) {
  return bytes.length - start >= SHORTEST_FRAME_BYTES && viewOf(bytes).getUint32(start, true) === FRAME_MAGIC;
}

/**
 * Find the end of the frame at `start` from the lengths of its blocks.
 *
 * @param {Uint8Array} bytes
 * @throws {CorruptEpisodeError} no frame starts there, or it is cut off.
 */
export function frameEnd(bytes, start = 0) {
  const head = readHeader(bytes, start);
  let at = head.blocksAt;
  for (;;) {
    if (at + 4 > bytes.length) throw cutOff(start);
    const size = head.view.getUint32(at, true);
    at += 4;
    if (size === 0) break;
    at += (size & 0x7fffffff) + head.blockChecksumBytes;
  }
  at += head.contentChecksumBytes;
  if (at > bytes.length) throw cutOff(start);
  return at;
}

/**
 * Unpack exactly one frame.
 *
 * @param {Uint8Array} frame the frame and nothing after it
 * @param {number} maxBytes larger content is refused before memory is allocated
 * @returns {Uint8Array}
 * @throws {EpisodeTooLargeError} the frame claims more than `maxBytes`, or more than LZ4 can pack into it.
 * @throws {CorruptEpisodeError} it is not a frame, states no size, or a checksum does not match.
 */
export function decompressFrame(frame, maxBytes = MAX_FRAME_BYTES) {
  const head = readHeader(frame, 0);
  if (head.contentBytes === null) throw new CorruptEpisodeError("an LZ4 frame does not state the size of its content");
  if (head.contentBytes > maxBytes || head.contentBytes > frame.length * MAX_RATIO) {
    throw new EpisodeTooLargeError(
      `an LZ4 frame of ${frame.length} bytes claims ${head.contentBytes} bytes of content; the limit is ${maxBytes}`,
    );
  }
  const content = new Uint8Array(head.contentBytes);
  let at = head.blocksAt;
  let written = 0;
  for (;;) {
    if (at + 4 > frame.length) throw cutOff(0);
    const word = head.view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const end = at + (word & 0x7fffffff);
    if (end + head.blockChecksumBytes > frame.length) throw cutOff(0);
    if (head.blockChecksumBytes) compareChecksum(head.view, end, frame.subarray(at, end));
    if (word & 0x80000000) {
      if (written + end - at > content.length) throw overrun();
      content.set(frame.subarray(at, end), written);
      written += end - at;
    } else {
      written = unpackBlock(frame, at, end, content, written);
    }
    at = end + head.blockChecksumBytes;
  }
  if (written !== content.length) {
    throw new CorruptEpisodeError(`an LZ4 frame claims ${content.length} bytes of content and has ${written}`);
  }
  if (head.contentChecksumBytes) {
    if (at + 4 > frame.length) throw cutOff(0);
    compareChecksum(head.view, at, content);
  }
  return content;
}

/**
 * @throws {CorruptEpisodeError} the checksum at `at` is not that of `bytes`.
 * @param {DataView} view
 * @param {number} at
 * @param {Uint8Array} bytes
 */
function compareChecksum(view, at, bytes) {
  if (view.getUint32(at, true) !== xxh32(bytes)) {
    throw new CorruptEpisodeError("an LZ4 frame does not match its checksum: the bytes are damaged");
  }
}

/**
 * Read the frame's header; `contentBytes` is null if the frame does not state it.
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 */
function readHeader(bytes, start) {
  if (!isFrame(bytes, start)) throw new CorruptEpisodeError(`expected an LZ4 frame at byte ${start}`);
  const view = viewOf(bytes);
  const flags = bytes[start + 4];
  const hasSize = Boolean(flags & 0x08);
  if (flags >> 6 !== 1 || flags & 0x01) {
    throw new CorruptEpisodeError(`the LZ4 frame at byte ${start} has an unsupported format`);
  }
  const blocksAt = start + 7 + (hasSize ? 8 : 0);
  const descriptor = bytes.subarray(start + 4, blocksAt - 1);
  if (((xxh32(descriptor) >>> 8) & 0xff) !== bytes[blocksAt - 1]) {
    throw new CorruptEpisodeError(`the header of the LZ4 frame at byte ${start} does not match its checksum`);
  }
  return {
    view,
    blocksAt,
    contentBytes: hasSize ? view.getUint32(start + 6, true) + view.getUint32(start + 10, true) * 2 ** 32 : null,
    blockChecksumBytes: flags & 0x10 ? 4 : 0,
    contentChecksumBytes: flags & 0x04 ? 4 : 0,
  };
}

/**
 * Unpack one block after what `out` already has, which matches may refer to; return the new end.
 *
 * @param {Uint8Array} source
 * @param {number} start
 * @param {number} end
 * @param {Uint8Array} out
 * @param {number} written
 */
export function unpackBlock(source, start, end, out, written) {
  let at = start;
  while (at < end) {
    const token = source[at++];
    let nLiterals = token >> 4;
    if (nLiterals === 15) {
      let more;
      do {
        more = source[at++];
        nLiterals += more;
      } while (more === 255 && at < end);
    }
    if (at + nLiterals > end || written + nLiterals > out.length) throw overrun();
    if (nLiterals > SHORT) {
      out.set(source.subarray(at, at + nLiterals), written);
      at += nLiterals;
      written += nLiterals;
    } else for (const stop = at + nLiterals; at < stop;) out[written++] = source[at++];
    if (at === end) break;

    const distance = source[at] | (source[at + 1] << 8);
    at += 2;
    let nMatched = (token & 15) + MIN_MATCH;
    if ((token & 15) === 15) {
      let more;
      do {
        more = source[at++];
        nMatched += more;
      } while (more === 255 && at < end);
    }
    if (at > end || distance === 0 || distance > written || written + nMatched > out.length) throw overrun();
    const stop = written + nMatched;
    if (nMatched > SHORT && distance === 1) out.fill(out[written - 1], written, stop);
    else if (nMatched > SHORT && distance >= nMatched) out.copyWithin(written, written - distance, stop - distance);
    else for (let from = written - distance; written < stop;) out[written++] = out[from++];
    written = stop;
  }
  return written;
}

/** @param {Uint8Array} bytes */
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** @param {number} start */
const cutOff = (start) => new CorruptEpisodeError(`the LZ4 frame at byte ${start} is cut off`);

const overrun = () => new CorruptEpisodeError("an LZ4 block exceeds its bounds");

const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/**
 * @param {number} value
 * @param {number} bits
 */
const rotate = (value, bits) => (value << bits) | (value >>> (32 - bits));

/**
 * @param {number} lane
 * @param {number} word
 */
const round = (lane, word) => Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);

/**
 * Hash `bytes` with seed 0.
 *
 * @param {Uint8Array} bytes
 * @returns {number} unsigned, 32 bits
 */
export function xxh32(bytes) {
  const length = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let at = 0;
  let hash = PRIME_5;
  if (length >= 16) {
    let lane1 = (PRIME_1 + PRIME_2) | 0;
    let lane2 = PRIME_2 | 0;
    let lane3 = 0;
    let lane4 = -PRIME_1 | 0;
    for (; at <= length - 16; at += 16) {
      lane1 = round(lane1, view.getInt32(at, true));
      lane2 = round(lane2, view.getInt32(at + 4, true));
      lane3 = round(lane3, view.getInt32(at + 8, true));
      lane4 = round(lane4, view.getInt32(at + 12, true));
    }
    hash = rotate(lane1, 1) + rotate(lane2, 7) + rotate(lane3, 12) + rotate(lane4, 18);
  }
  hash = (hash + length) | 0;
  for (; at <= length - 4; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(view.getInt32(at, true), PRIME_3)) | 0, 17), PRIME_4);
  }
  for (; at < length; at++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[at], PRIME_5)) | 0, 11), PRIME_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
