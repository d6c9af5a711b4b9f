/**
 * Decodes the columns of a chunk. FORMAT.md, section "Encodings", is the specification.
 *
 * The result is row-major: number `c` of step `t` is at `t * k + c`. 64-bit integers become doubles, exact up to 2^53;
 * half floats become singles; booleans become 0 and 1.
 */

import { brief, CorruptEpisodeError, EpisodeTooLargeError } from "./errors.js";
import { MAX_FRAME_BYTES } from "./lz4.js";

/** @typedef {{name: string, dtype: string, shape: number[], encoding: string, nValues: number}} ColumnSpec */

/** @typedef {Uint8Array|Int8Array|Uint16Array|Int16Array|Uint32Array|Int32Array|Float32Array|Float64Array} Numbers */

/**
 * How many numbers of a step are before a column's in the slot, and how many are in the slot.
 *
 * @typedef {{before: number, all: number}} SlotPlace
 */

/** @type {{[dtype: string]: number}} */
const ITEM_BYTES = {
  "|b1": 1,
  "|i1": 1,
  "|u1": 1,
  "<i2": 2,
  "<u2": 2,
  "<f2": 2,
  "<i4": 4,
  "<u4": 4,
  "<f4": 4,
  "<i8": 8,
  "<u8": 8,
  "<f8": 8,
};
const ENCODINGS = new Set(["plain", "planes", "delta", "bits", "xor", "text"]);
const XOR_DTYPES = ["|u1", "<u2"];
const MAX_COLUMNS = 1024;
const MAX_DIMENSIONS = 8;
const MAX_STEP_BYTES = 64 * 2 ** 20;

/**
 * Check a header's schema and name its parts.
 *
 * @param {unknown} source list of `[name, dtype, shape, encoding]`
 * @returns {ColumnSpec[]}
 * @throws {CorruptEpisodeError} it is not a schema.
 * @throws {EpisodeTooLargeError} one value exceeds the limits.
 */
export function readSchema(source) {
  if (!Array.isArray(source) || source.length > MAX_COLUMNS)
    throw new CorruptEpisodeError("the header has no valid schema");
  return source.map((column) => {
    const [name, dtype, shape, encoding] = Array.isArray(column) ? column : [];
    const whole =
      typeof name === "string" &&
      typeof dtype === "string" &&
      Object.hasOwn(ITEM_BYTES, dtype) &&
      (encoding === "bits") === (dtype === "|b1") &&
      Array.isArray(shape) &&
      shape.length <= MAX_DIMENSIONS &&
      shape.every((n) => Number.isInteger(n) && n >= 0);
    if (!whole || (encoding === "xor" && !(XOR_DTYPES.includes(dtype) && shape.every(Boolean))))
      throw new CorruptEpisodeError(`the schema has an invalid column: ${brief(name)}`);
    if (encoding === "text" && (dtype !== "|u1" || shape.length || !name.startsWith("extras.")))
      throw new CorruptEpisodeError(`the schema has an invalid column: ${brief(name)}`);
    if (!ENCODINGS.has(encoding))
      throw new CorruptEpisodeError(
        `column ${brief(name)} has the encoding ${brief(encoding)}, which this page does not know: update the replay server`,
      );
    if (shape.reduce((product, n) => product * Math.max(n, 1), ITEM_BYTES[dtype]) > MAX_STEP_BYTES)
      throw new EpisodeTooLargeError(`one value of column ${brief(name)} would take more than ${MAX_STEP_BYTES} bytes`);
    const nValues = encoding === "text" ? 0 : shape.reduce((product, n) => product * n, 1); // texts are no numbers
    return { name, dtype, shape, encoding, nValues };
  });
}

/**
 * Columns with the same key may share a slot; null for one that never does.
 *
 * @param {ColumnSpec} spec
 */
export function groupKeyOf({ dtype, encoding }) {
  if (encoding === "plain" || encoding === "xor" || encoding === "text") return null;
  return encoding === "bits" ? "bits" : ITEM_BYTES[dtype];
}

/**
 * Decode the values of one column.
 *
 * @param {Uint8Array} bytes of all columns in the slot
 * @param {number} nSteps steps that have a value
 * @param {ColumnSpec} spec
 * @param {SlotPlace} place
 * @returns {Numbers}
 * @throws {CorruptEpisodeError} the number of bytes does not fit the shapes.
 */
export function decodeColumn(bytes, nSteps, { name, dtype, encoding, nValues }, place = { before: 0, all: nValues }) {
  const itemBytes = ITEM_BYTES[dtype];
  const n = nSteps * place.all;
  if (n * itemBytes > MAX_FRAME_BYTES)
    throw new EpisodeTooLargeError(`column ${brief(name)} would take ${n * itemBytes} bytes`);
  const expectedBytes = encoding === "bits" ? Math.ceil(n / 8) : n * itemBytes;
  if (bytes.length !== expectedBytes) {
    throw new CorruptEpisodeError(
      `column ${brief(name)}: expected ${expectedBytes} bytes for ${nSteps} steps, found ${bytes.length}`,
    );
  }
  const first = nSteps * place.before;
  const last = first + nSteps * nValues;
  if (encoding === "bits") return transposed(unpackBits(bytes, n).subarray(first, last), nSteps, nValues);
  if (encoding === "plain") return numbersOf(bytes.slice(), dtype);
  const gathered = gatherPlanes(bytes, itemBytes, first, last);
  if (encoding === "delta") accumulate(gathered, itemBytes, nSteps);
  return transposed(numbersOf(gathered, dtype), nSteps, nValues);
}

/**
 * Unpack booleans, eight per byte, the highest bit first.
 *
 * @param {Uint8Array} bytes
 * @param {number} n
 */
export function unpackBits(bytes, n) {
  const bits = new Uint8Array(n);
  for (let index = 0; index < n; index++) bits[index] = (bytes[index >> 3] >> (7 - (index & 7))) & 1;
  return bits;
}

/**
 * Transpose from component-major to step-major.
 *
 * @param {Numbers} series
 * @param {number} nSteps
 * @param {number} nValues
 * @returns {Numbers}
 */
function transposed(series, nSteps, nValues) {
  if (nValues <= 1 || nSteps <= 1) return series;
  const rows = series.slice(); // an empty array of the same type
  for (let c = 0, from = 0; c < nValues; c++) {
    for (let t = 0, to = c; t < nSteps; t++, from++, to += nValues) rows[to] = series[from];
  }
  return rows;
}

/**
 * Join the byte planes of the numbers from `first` to `last`.
 *
 * @param {Uint8Array} bytes
 * @param {number} itemBytes
 * @param {number} first
 * @param {number} last
 */
function gatherPlanes(bytes, itemBytes, first, last) {
  if (itemBytes === 1) return bytes.slice(first, last);
  const n = bytes.length / itemBytes;
  const gathered = new Uint8Array((last - first) * itemBytes);
  for (let plane = 0; plane < itemBytes; plane++) {
    const end = plane * n + last;
    for (let from = plane * n + first, to = plane; from < end; from++, to += itemBytes) gathered[to] = bytes[from];
  }
  return gathered;
}

/**
 * Undo zigzag and differences in place. Each component is a run of `nSteps` little-endian numbers.
 *
 * @param {Uint8Array} bytes
 * @param {number} itemBytes
 * @param {number} nSteps
 */
function accumulate(bytes, itemBytes, nSteps) {
  if (itemBytes === 8) return accumulate64(new Int32Array(bytes.buffer), nSteps);
  const words =
    itemBytes === 1 ? bytes : itemBytes === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer);
  let sum = 0;
  for (let index = 0; index < words.length; index++) {
    if (index % nSteps === 0) sum = 0;
    const zigzag = words[index];
    sum = (sum + ((zigzag >>> 1) ^ -(zigzag & 1))) | 0;
    words[index] = sum;
  }
  return undefined;
}

/**
 * The same for 64 bits as pairs of 32-bit words, low word first.
 *
 * @param {Int32Array} words
 * @param {number} nSteps
 */
function accumulate64(words, nSteps) {
  let low = 0;
  let high = 0;
  for (let index = 0; index < words.length; index += 2) {
    if ((index >> 1) % nSteps === 0) low = high = 0;
    const sign = -(words[index] & 1);
    const deltaLow = ((words[index] >>> 1) | (words[index + 1] << 31)) ^ sign;
    const deltaHigh = (words[index + 1] >>> 1) ^ sign;
    const sum = (low >>> 0) + (deltaLow >>> 0);
    low = sum | 0;
    high = (high + deltaHigh + (sum > 0xffffffff ? 1 : 0)) | 0;
    words[index] = low;
    words[index + 1] = high;
  }
}

/**
 * View little-endian bytes as numbers. Browsers only run on little-endian machines, so typed arrays are too.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} dtype
 * @returns {Numbers}
 */
function numbersOf(bytes, dtype) {
  const { buffer } = bytes;
  switch (dtype) {
    case "|b1":
    case "|u1":
      return bytes;
    case "|i1":
      return new Int8Array(buffer);
    case "<u2":
      return new Uint16Array(buffer);
    case "<i2":
      return new Int16Array(buffer);
    case "<f2":
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case "<u4":
      return new Uint32Array(buffer);
    case "<i4":
      return new Int32Array(buffer);
    case "<f4":
      return new Float32Array(buffer);
    case "<f8":
      return new Float64Array(buffer);
    default:
      return wideToNumbers(buffer, dtype === "<i8");
  }
}

/**
 * @param {ArrayBuffer} buffer
 * @param {boolean} signed
 */
function wideToNumbers(buffer, signed) {
  const low = new Uint32Array(buffer);
  const high = signed ? new Int32Array(buffer) : low;
  const numbers = new Float64Array(low.length / 2);
  for (let index = 0; index < numbers.length; index++) numbers[index] = high[2 * index + 1] * 2 ** 32 + low[2 * index];
  return numbers;
}

/** @param {number} bits */
function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
}
