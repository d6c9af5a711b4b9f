/**
 * Parses a whole recording in memory: header, chunks and footer of version 2, as frames or bare. FORMAT.md is the
 * specification.
 */

import { chunkFrom, MAX_CHUNK_STEPS } from "./chunk.js";
import { readSchema } from "./columns.js";
import { brief, CorruptEpisodeError } from "./errors.js";
import { decompressFrame, frameEnd, isFrame } from "./lz4.js";
import { unpack, unpackSequence } from "./msgpack.js";

/** @import { ColumnSpec } from "./columns.js" */
/** @typedef {{firstStep: number, nSteps: number, offset: number, nBytes: number}} ChunkPlace */

/** @typedef {[firstStep: number, endStep: ?number, reason: string]} Gap */

/** @typedef {{[name: string]: unknown}} UnpackedMap */

/**
 * @typedef {object} EpisodeFile
 * @property {UnpackedMap} metadata
 * @property {string[]} reasons
 * @property {{[name: string]: number[]}} affordances
 * @property {ColumnSpec[]} schema
 * @property {Gap[]} gaps
 * @property {ChunkPlace[]} chunks
 */

const VERSION = 2;
const MAX_HEADER_BYTES = 4 * 2 ** 20;
const TRAILER_BYTES = 24;
const TRAILER_MAGIC = 0x184d2a5a;
const TRAILER_TAG = 0x544c4d48;

/**
 * Read the outline of a recording.
 *
 * @param {Uint8Array} bytes the whole file
 * @returns {EpisodeFile}
 *
 * @throws {CorruptEpisodeError} it is not a recording of version 2.
 */
export function readEpisodeFile(bytes) {
  return isFrame(bytes) ? readFramed(bytes) : readBare(bytes);
}

/** @param {Uint8Array} bytes */
function readFramed(bytes) {
  const end = frameEnd(bytes);
  const header = readHeader(unpack(decompressFrame(bytes.subarray(0, end), MAX_HEADER_BYTES)));
  const footer = footerByTrailer(bytes);
  return footer
    ? episodeFile(header, chunksOf(footer.chunks, end), footer.gaps)
    : episodeFile(header, ...walkFrames(bytes, end, header.schema));
}

/** @param {Uint8Array} bytes without compression */
function readBare(bytes) {
  const objects = unpackSequence(bytes);
  const header = readHeader(objects[0]?.value);
  return episodeFile(header, ...listObjects(objects, header.schema));
}

/**
 * @param {Omit<EpisodeFile, "chunks" | "gaps">} header
 * @param {ChunkPlace[]} chunks
 * @param {unknown} gaps of the footer, if there is one
 * @returns {EpisodeFile}
 */
function episodeFile(header, chunks, gaps) {
  return { ...header, chunks, gaps: checkGaps(gaps ?? header.metadata.gaps ?? []) };
}

/**
 * @param {unknown} value
 * @returns {value is UnpackedMap}
 */
const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * @template T
 * @param {unknown} value
 * @param {(item: unknown) => item is T} isItem
 * @returns {value is T[]}
 */
const isListOf = (value, isItem) => Array.isArray(value) && value.every((item) => isItem(item));

/**
 * @param {unknown} value
 * @returns {value is string}
 */
const isText = (value) => typeof value === "string";

/**
 * @param {unknown} value
 * @returns {value is number}
 */
const isNumber = (value) => typeof value === "number";

/**
 * @param {unknown} value
 * @returns {value is number}
 */
const isCount = (value) => isNumber(value) && Number.isInteger(value) && value >= 0;

/**
 * @param {unknown} value
 * @returns {value is {[name: string]: number[]}}
 */
const isMapOfCells = (value) => isMap(value) && Object.values(value).every((cell) => isListOf(cell, isNumber));

/**
 * @param {unknown} gap
 * @returns {gap is Gap}
 */
const isGap = (gap) => Array.isArray(gap) && isCount(gap[0]) && (gap[1] === null || isCount(gap[1])) && isText(gap[2]);

/**
 * Check the parts of a header that the page uses.
 *
 * @param {unknown} found
 * @returns {Omit<EpisodeFile, "chunks" | "gaps">}
 */
function readHeader(found) {
  const header = isMap(found) ? found : {};
  if (header.version !== VERSION) {
    throw new CorruptEpisodeError(`expected a recording of version ${VERSION}, found version ${brief(header.version)}`);
  }
  const schema = readSchema(header.schema);
  const { metadata } = header;
  const [reasons, affordances] = [header.reasons ?? [], header.affordances ?? {}];
  if (!isMap(metadata)) throw wrong("metadata");
  if (!isListOf(reasons, isText)) throw wrong("reasons");
  if (!isMapOfCells(affordances)) throw wrong("affordances");
  for (const name of ["meter_names", "action_names"]) if (!isListOf(metadata[name] ?? [], isText)) throw wrong(name);
  if (!Array.isArray(metadata.substrate ?? [])) throw wrong("substrate");
  return { metadata, reasons, affordances, schema };
}

/** @param {string} part */
const wrong = (part) => new CorruptEpisodeError(`the header's ${part} is invalid`);

/** @param {unknown} gaps */
function checkGaps(gaps) {
  if (!isListOf(gaps, isGap)) throw new CorruptEpisodeError("the gaps are invalid");
  return gaps;
}

/**
 * The chunks listed in a footer, which must be contiguous.
 *
 * @param {unknown[]} rows
 * @param {number} start of the first one
 * @returns {ChunkPlace[]}
 */
function chunksOf(rows, start) {
  let end = start;
  return rows.map((row) => {
    const [offset, nBytes, firstStep, nSteps] = isListOf(row, isCount) ? row : [];
    if (offset !== end || !(nBytes > 0) || !isCount(firstStep) || !(nSteps > 0 && nSteps <= MAX_CHUNK_STEPS))
      throw new CorruptEpisodeError(`the footer must list a chunk at byte ${end} next, but lists something else`);
    end += nBytes;
    return { firstStep, nSteps, offset, nBytes };
  });
}

/**
 * @param {Uint8Array} bytes
 * @returns {?{chunks: unknown[], gaps: unknown}}
 */
function footerByTrailer(bytes) {
  const at = bytes.length - TRAILER_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (at < 0 || view.getUint32(at, true) !== TRAILER_MAGIC || view.getUint32(at + 8, true) !== TRAILER_TAG) return null;
  const offset = view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * 2 ** 32;
  if (offset >= at) throw new CorruptEpisodeError(`the trailer points to byte ${offset} of ${bytes.length}`);
  const footer = unpack(decompressFrame(bytes.subarray(offset, at), MAX_HEADER_BYTES));
  if (!isMap(footer) || footer.footer !== VERSION || !Array.isArray(footer.chunks)) {
    throw new CorruptEpisodeError(`the trailer points to byte ${offset}, where there is no footer`);
  }
  return { chunks: footer.chunks, gaps: footer.gaps };
}

/** @param {unknown} footer */
const gapsIn = (footer) => (isMap(footer) ? footer.gaps : null);

/**
 * Read frames up to the footer, the end, or a torn tail.
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {ColumnSpec[]} schema
 * @returns {[chunks: ChunkPlace[], gaps: unknown]}
 */
function walkFrames(bytes, start, schema) {
  /** @type {ChunkPlace[]} */
  const chunks = [];
  while (isFrame(bytes, start)) {
    let end;
    try {
      end = frameEnd(bytes, start);
    } catch {
      break;
    }
    const body = unpack(decompressFrame(bytes.subarray(start, end)));
    if (!Array.isArray(body)) return [chunks, gapsIn(body)];
    const { firstStep, nSteps } = chunkFrom(body, schema);
    chunks.push({ firstStep, nSteps, offset: start, nBytes: end - start });
    start = end;
  }
  return [chunks, null];
}

/**
 * @param {ReturnType<typeof unpackSequence>} objects
 * @param {ColumnSpec[]} schema
 * @returns {[chunks: ChunkPlace[], gaps: unknown]}
 */
function listObjects(objects, schema) {
  /** @type {ChunkPlace[]} */
  const chunks = [];
  for (const { start, end, value } of objects.slice(1)) {
    if (!Array.isArray(value)) return [chunks, gapsIn(value)];
    const { firstStep, nSteps } = chunkFrom(value, schema);
    chunks.push({ firstStep, nSteps, offset: start, nBytes: end - start });
  }
  return [chunks, null];
}
