/** One chunk: up to 256 consecutive steps in columns; the frame is unpacked at once, a column when it is asked for. */

import { decodeColumn, mayLieTogether, readSchema, unpackBits } from "./columns.js";
import { CorruptEpisodeError } from "./errors.js";
import { decompressFrame, isFrame } from "./lz4.js";
import { unpack } from "./msgpack.js";

const MAX_CHUNK_STEPS = 256;

/**
 * Unpack one chunk and check its outline.
 *
 * @param {Uint8Array} bytes an LZ4 frame, or the bare MessagePack array of a file without compression
 * @param {ReturnType<typeof readSchema>} schema the episode's
 * @returns {Chunk}
 * @throws {CorruptEpisodeError} it is not a chunk of this schema.
 */
export function decodeChunk(bytes, schema) {
  const content = isFrame(bytes) ? decompressFrame(bytes) : bytes;
  return chunkFrom(unpack(content), schema, content.length);
}

/** The same for the unpacked array, which took `nBytes`. */
export function chunkFrom(body, schema, nBytes = 0) {
  const [firstStep, nSteps, slots, added] = Array.isArray(body) ? body : [];
  if (!Number.isInteger(firstStep) || !(nSteps > 0 && nSteps <= MAX_CHUNK_STEPS) || !Array.isArray(slots)) {
    throw new CorruptEpisodeError("expected a chunk: [first_step, n_steps, slots]");
  }
  const columns = added ? schema.concat(readSchema(added)) : schema;
  if (slots.length !== columns.length) {
    throw new CorruptEpisodeError(`a chunk has ${slots.length} slots for ${columns.length} columns`);
  }
  return new Chunk(firstStep, nSteps, placeColumns(slots, columns), nBytes);
}

/** Name to what stands in the column's slot, and its place there when it lies beside others. */
function placeColumns(slots, columns) {
  const filled = new Map();
  const shared = new Map();
  columns.forEach((spec, index) => {
    const content = slots[index];
    if (content === null) return;
    const slot = Number.isInteger(content) ? slots[content] : content;
    if (slot instanceof Uint8Array) {
      const first = Number.isInteger(content) ? content : index;
      if (first !== index && !(first < index && mayLieTogether(columns[first], spec))) throw wrongSlot(spec);
      const place = shared.get(first) ?? { all: 0 };
      shared.set(first, place);
      filled.set(spec.name, { spec, bytes: slot, mask: null, before: place.all, place });
      place.all += spec.nValues;
    } else if (Array.isArray(content) && content.length === 2 && content.every((it) => it instanceof Uint8Array)) {
      filled.set(spec.name, { spec, bytes: content[1], mask: content[0], before: 0, place: { all: spec.nValues } });
    } else throw wrongSlot(spec);
  });
  return filled;
}

function wrongSlot(spec) {
  return new CorruptEpisodeError(`a chunk's slot of column ${spec.name} holds something else than bytes`);
}

export class Chunk {
  #slots;
  #decoded = new Map();

  constructor(firstStep, nSteps, slots, nBytes) {
    this.firstStep = firstStep;
    this.nSteps = nSteps;
    /** What it takes in memory, about, before its columns are decoded. */
    this.nBytes = nBytes;
    this.#slots = slots;
  }

  /** Number of the step behind the last one. */
  get endStep() {
    return this.firstStep + this.nSteps;
  }

  /** Names of the columns that this chunk has values of. */
  get names() {
    return [...this.#slots.keys()];
  }

  /** Numbers in one step's value of a column; nothing is decoded for it. */
  width(name) {
    return this.#slots.get(name)?.spec.nValues ?? 0;
  }

  /**
   * The values of a column, decoded once; null when this chunk has none.
   *
   * @returns {?{values: ArrayLike<number>, nValues: number, shape: number[], rowOf: ?Int16Array}} `rowOf[t]` is the row
   *   of step `t` within `values`, -1 where the step has no value; null when every step has one.
   */
  column(name) {
    let column = this.#decoded.get(name);
    if (column === undefined) {
      const filled = this.#slots.get(name);
      column = filled ? this.#decode(filled) : null;
      this.#decoded.set(name, column);
    }
    return column;
  }

  /** The numbers of one step, a view; null when it has none. `offset` counts from the chunk's first step. */
  row(name, offset) {
    const column = this.column(name);
    const row = column?.rowOf ? column.rowOf[offset] : offset;
    if (!column || row < 0) return null;
    return column.values.subarray(row * column.nValues, (row + 1) * column.nValues);
  }

  /** The one number of one step, or null. */
  scalar(name, offset) {
    const row = this.row(name, offset);
    return row && row.length ? row[0] : null;
  }

  #decode({ spec, bytes, mask, before, place }) {
    const { nValues, shape } = spec;
    const within = { before, all: place.all };
    if (!mask) return { values: decodeColumn(bytes, this.nSteps, spec, within), nValues, shape, rowOf: null };
    if (mask.length !== Math.ceil(this.nSteps / 8)) {
      throw new CorruptEpisodeError(`column ${spec.name}: a mask of ${mask.length} bytes for ${this.nSteps} steps`);
    }
    const present = unpackBits(mask, this.nSteps);
    const rowOf = new Int16Array(this.nSteps);
    let nPresent = 0;
    for (let offset = 0; offset < this.nSteps; offset++) rowOf[offset] = present[offset] ? nPresent++ : -1;
    return { values: decodeColumn(bytes, nPresent, spec, within), nValues, shape, rowOf };
  }
}
