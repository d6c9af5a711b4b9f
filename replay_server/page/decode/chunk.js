/** One chunk: up to 256 consecutive steps in columns. The frame is unpacked at once, a column on request. */

import { decodeColumn, groupKeyOf, readSchema, unpackBits } from "./columns.js";
import { brief, CorruptEpisodeError } from "./errors.js";
import { decompressFrame, isFrame } from "./lz4.js";
import { unpack } from "./msgpack.js";
import { PictureReader } from "./pictures.js";
import { TextReader } from "./texts.js";

/** @import { ColumnSpec, Numbers, SlotPlace } from "./columns.js" */

/** Encodings whose values are read one by one. */
const BY_STEP = ["xor", "text"];

export const MAX_CHUNK_STEPS = 256;

/** @typedef {{spec: ColumnSpec, bytes: Uint8Array, mask: ?Uint8Array, place?: SlotPlace}} FilledSlot */

/**
 * The values of a column. `rowOf[t]` is the row of step `t` in `values`, -1 if the step has no value; null if every
 * step has one.
 *
 * @typedef {{values: Numbers, nValues: number, shape: number[], rowOf: ?Int16Array}} Column
 */

/**
 * Unpack one chunk and check its outline.
 *
 * @param {Uint8Array} bytes an LZ4 frame, or the bare MessagePack array of a file without compression
 * @param {ColumnSpec[]} schema the episode's
 * @returns {Chunk}
 * @throws {CorruptEpisodeError} it is not a chunk of this schema.
 */
export function decodeChunk(bytes, schema) {
  const content = isFrame(bytes) ? decompressFrame(bytes) : bytes;
  return chunkFrom(unpack(content), schema, content.length);
}

/**
 * Check an unpacked array, which took `nBytes`.
 *
 * @param {unknown} body
 * @param {ColumnSpec[]} schema
 */
export function chunkFrom(body, schema, nBytes = 0) {
  const [firstStep, nSteps, slots, added] = Array.isArray(body) ? body : [];
  if (
    !Number.isInteger(firstStep) ||
    !(Number.isInteger(nSteps) && nSteps > 0 && nSteps <= MAX_CHUNK_STEPS) ||
    !Array.isArray(slots)
  ) {
    throw new CorruptEpisodeError("expected a chunk: [first_step, n_steps, slots]");
  }
  const columns = added ? schema.concat(readSchema(added)) : schema;
  if (slots.length !== columns.length) {
    throw new CorruptEpisodeError(`a chunk has ${slots.length} slots for ${columns.length} columns`);
  }
  return new Chunk(firstStep, nSteps, placeColumns(slots, columns), nBytes);
}

/**
 * Map each name to the bytes with its column's values, and to its place in them if columns share a slot.
 *
 * @param {unknown[]} slots
 * @param {ColumnSpec[]} columns
 */
function placeColumns(slots, columns) {
  /** @type {Map<string, FilledSlot>} */
  const filled = new Map();
  /** @type {Map<unknown, {specs: ColumnSpec[], bytes: Uint8Array}>} */
  const together = new Map();
  columns.forEach((spec, index) => {
    const slot = slots[index];
    if (slot === null) return;
    const shared = together.get(slot);
    if (slot instanceof Uint8Array) {
      together.set(index, { specs: [spec], bytes: slot });
      filled.set(spec.name, { spec, bytes: slot, mask: null });
    } else if (shared && groupKeyOf(spec) === groupKeyOf(shared.specs[0]) && groupKeyOf(spec) !== null) {
      shared.specs.push(spec);
      filled.set(spec.name, { spec, bytes: shared.bytes, mask: null });
    } else if (Array.isArray(slot) && slot.length === 2 && slot.every((part) => part instanceof Uint8Array)) {
      filled.set(spec.name, { spec, bytes: slot[1], mask: slot[0] });
    } else throw new CorruptEpisodeError(`a chunk's slot of column ${brief(spec.name)} must be bytes`);
  });
  for (const { specs } of together.values()) {
    const inOrder = [...specs.filter(isDifferenced), ...specs.filter((spec) => !isDifferenced(spec))];
    const all = specs.reduce((sum, spec) => sum + spec.nValues, 0);
    let before = 0;
    for (const spec of inOrder) {
      const slot = filled.get(spec.name);
      if (slot) slot.place = { before, all };
      before += spec.nValues;
    }
  }
  return filled;
}

/** @param {ColumnSpec} spec */
const isDifferenced = (spec) => spec.encoding === "delta";

export class Chunk {
  #slots;
  /** @type {Map<string, ?Column>} */
  #decoded = new Map();
  /** @type {Map<string, {rowOf: ?Int16Array, reader: PictureReader}>} */
  #pictures = new Map();
  /** @type {Map<string, {rowOf: ?Int16Array, reader: TextReader}>} */
  #texts = new Map();

  /**
   * @param {number} firstStep
   * @param {number} nSteps
   * @param {Map<string, FilledSlot>} slots by the column's name
   * @param {number} nBytes
   */
  constructor(firstStep, nSteps, slots, nBytes) {
    this.firstStep = firstStep;
    this.nSteps = nSteps;
    /** Approximate memory before its columns are decoded. */
    this.nBytes = nBytes;
    this.#slots = slots;
  }

  /** Number of the step after the last one. */
  get endStep() {
    return this.firstStep + this.nSteps;
  }

  /** Names of the columns with values in this chunk. */
  get names() {
    return [...this.#slots.keys()];
  }

  /**
   * How many numbers one step's value of a column has, without decoding it.
   *
   * @param {string} name
   */
  width(name) {
    return this.#slots.get(name)?.spec.nValues ?? 0;
  }

  /**
   * The columns of this chunk, as the schema or the chunk describes them.
   *
   * @returns {ColumnSpec[]}
   */
  get specs() {
    return [...this.#slots.values()].map(({ spec }) => spec);
  }

  /**
   * The values of a column, decoded once; null if this chunk has none, or if they are pictures, which `row` unpacks, or
   * texts, which `text` reads.
   *
   * @param {string} name
   * @returns {?Column}
   */
  column(name) {
    let column = this.#decoded.get(name);
    if (column === undefined) {
      const filled = this.#slots.get(name);
      column = filled && !BY_STEP.includes(filled.spec.encoding) ? this.#decode(filled) : null;
      this.#decoded.set(name, column);
    }
    return column;
  }

  /**
   * The numbers of one step, as a view; null if it has none. `offset` counts from the chunk's first step.
   *
   * @param {string} name
   * @param {number} offset
   */
  row(name, offset) {
    const filled = this.#slots.get(name);
    if (filled?.spec.encoding === "xor") return this.#picture(filled, offset);
    const column = this.column(name);
    const row = column?.rowOf ? column.rowOf[offset] : offset;
    if (!column || row < 0) return null;
    return column.values.subarray(row * column.nValues, (row + 1) * column.nValues);
  }

  /**
   * The only number of one step, or null.
   *
   * @param {string} name
   * @param {number} offset
   */
  scalar(name, offset) {
    const row = this.row(name, offset);
    return row && row.length ? row[0] : null;
  }

  /**
   * The text of one step; null if it has none.
   *
   * @param {string} name
   * @param {number} offset
   */
  text(name, offset) {
    const filled = this.#slots.get(name);
    if (filled?.spec.encoding !== "text") return null;
    let found = this.#texts.get(name);
    if (!found) {
      const { rowOf, nPresent } = this.#presence(filled);
      found = { rowOf, reader: new TextReader(filled.bytes, nPresent, filled.spec) };
      this.#texts.set(name, found);
    }
    const row = found.rowOf ? found.rowOf[offset] : offset;
    return row < 0 ? null : found.reader.text(row);
  }

  /**
   * Which row each step has, and how many rows there are.
   *
   * @param {FilledSlot} slot
   */
  #presence({ spec, mask }) {
    const rowOf = mask && this.#rowsOf(spec, mask);
    return { rowOf, nPresent: rowOf ? rowOf.reduce((n, row) => n + (row >= 0 ? 1 : 0), 0) : this.nSteps };
  }

  /**
   * @param {FilledSlot} slot
   * @returns {Column}
   */
  #decode(slot) {
    const { spec, bytes, place } = slot;
    const { nValues, shape } = spec;
    const { rowOf, nPresent } = this.#presence(slot);
    return { values: decodeColumn(bytes, nPresent, spec, place), nValues, shape, rowOf };
  }

  /**
   * @param {ColumnSpec} spec
   * @param {Uint8Array} mask
   */
  #rowsOf(spec, mask) {
    if (mask.length !== Math.ceil(this.nSteps / 8)) {
      throw new CorruptEpisodeError(
        `column ${brief(spec.name)}: a mask of ${mask.length} bytes for ${this.nSteps} steps`,
      );
    }
    const present = unpackBits(mask, this.nSteps);
    const rowOf = new Int16Array(this.nSteps);
    let nPresent = 0;
    for (let offset = 0; offset < this.nSteps; offset++) rowOf[offset] = present[offset] ? nPresent++ : -1;
    return rowOf;
  }

  /**
   * One picture; null if the step has none.
   *
   * @param {FilledSlot} slot
   * @param {number} offset
   * @returns {?Numbers}
   */
  #picture(slot, offset) {
    const { spec, bytes } = slot;
    let found = this.#pictures.get(spec.name);
    if (!found) {
      const { rowOf, nPresent } = this.#presence(slot);
      found = { rowOf, reader: new PictureReader(bytes, nPresent, spec) };
      this.#pictures.set(spec.name, found);
    }
    const row = found.rowOf ? found.rowOf[offset] : offset;
    return row < 0 ? null : found.reader.picture(row);
  }
}
