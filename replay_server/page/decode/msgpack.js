/**
 * A MessagePack reader. Maps become objects without a prototype, so `__proto__` is an ordinary key; binary becomes
 * views of the given bytes; 64-bit integers become numbers, exact up to 2^53. Extension types are refused. Source: the
 * MessagePack specification.
 */

import { brief, CorruptEpisodeError } from "./errors.js";

const MAX_DEPTH = 32;
const UTF8 = new TextDecoder("utf-8");

/**
 * Read the one object in `bytes`.
 *
 * @param {Uint8Array} bytes
 * @returns {unknown}
 * @throws {CorruptEpisodeError} not MessagePack, cut off, or followed by more bytes.
 */
export function unpack(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new CorruptEpisodeError("MessagePack: bytes after the end of the object");
  return value;
}

/**
 * Read consecutive objects with their start and end; stop at a torn tail.
 *
 * @param {Uint8Array} bytes
 * @returns {{start: number, end: number, value: unknown}[]}
 */
export function unpackSequence(bytes) {
  const reader = new Reader(bytes);
  const objects = [];
  while (reader.at < bytes.length) {
    const start = reader.at;
    try {
      const value = reader.value(0);
      objects.push({ start, end: reader.at, value });
    } catch (error) {
      if (error instanceof CorruptEpisodeError && reader.tornOff) break;
      throw error;
    }
  }
  return objects;
}

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = 0;
    this.tornOff = false;
  }

  /**
   * Consume `n` bytes and return where they start.
   *
   * @param {number} n
   */
  take(n) {
    const start = this.at;
    if (start + n > this.bytes.length) {
      this.tornOff = true;
      throw new CorruptEpisodeError("MessagePack: the object is cut off");
    }
    this.at = start + n;
    return start;
  }

  /**
   * @param {number} depth
   * @returns {unknown}
   */
  value(depth) {
    if (depth > MAX_DEPTH) throw new CorruptEpisodeError(`MessagePack: nested deeper than ${MAX_DEPTH}`);
    const kind = this.bytes[this.take(1)];
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.map(kind & 15, depth);
    if (kind < 0xa0) return this.array(kind & 15, depth);
    if (kind < 0xc0) return this.text(kind & 31);
    if (kind >= 0xe0) return kind - 256;
    switch (kind) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.binary(this.unsigned(1));
      case 0xc5:
        return this.binary(this.unsigned(2));
      case 0xc6:
        return this.binary(this.unsigned(4));
      case 0xca:
        return this.view.getFloat32(this.take(4));
      case 0xcb:
        return this.view.getFloat64(this.take(8));
      case 0xcc:
        return this.unsigned(1);
      case 0xcd:
        return this.unsigned(2);
      case 0xce:
        return this.unsigned(4);
      case 0xcf:
        return Number(this.view.getBigUint64(this.take(8)));
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return Number(this.view.getBigInt64(this.take(8)));
      case 0xd9:
        return this.text(this.unsigned(1));
      case 0xda:
        return this.text(this.unsigned(2));
      case 0xdb:
        return this.text(this.unsigned(4));
      case 0xdc:
        return this.array(this.unsigned(2), depth);
      case 0xdd:
        return this.array(this.unsigned(4), depth);
      case 0xde:
        return this.map(this.unsigned(2), depth);
      case 0xdf:
        return this.map(this.unsigned(4), depth);
      default:
        throw new CorruptEpisodeError(`MessagePack: type 0x${kind.toString(16)} is not supported`);
    }
  }

  /** @param {number} nBytes */
  unsigned(nBytes) {
    const start = this.take(nBytes);
    if (nBytes === 1) return this.bytes[start];
    return nBytes === 2 ? this.view.getUint16(start) : this.view.getUint32(start);
  }

  /** @param {number} nBytes */
  binary(nBytes) {
    const start = this.take(nBytes);
    return this.bytes.subarray(start, start + nBytes);
  }

  /** @param {number} nBytes */
  text(nBytes) {
    return UTF8.decode(this.binary(nBytes));
  }

  /**
   * @param {number} length
   * @param {number} depth
   */
  array(length, depth) {
    /** @type {unknown[]} */
    const items = [];
    for (let index = 0; index < length; index++) items.push(this.value(depth + 1));
    return items;
  }

  /**
   * @param {number} length
   * @param {number} depth
   */
  map(length, depth) {
    const entries = Object.create(null);
    for (let index = 0; index < length; index++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string")
        throw new CorruptEpisodeError(`MessagePack: a map's key must be text, found ${brief(key)}`);
      entries[key] = this.value(depth + 1);
    }
    return entries;
  }
}
