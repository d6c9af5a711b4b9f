/**
 * A whole recording in memory: header, chunks and footer of version 2, framed or not; FORMAT.md is the specification.
 */

import { chunkFrom, MAX_CHUNK_STEPS } from "./chunk.js";
import { readSchema } from "./columns.js";
import { brief, CorruptEpisodeError } from "./errors.js";
import { decompressFrame, frameEnd, isFrame } from "./lz4.js";
import { unpack, unpackSequence } from "./msgpack.js";

const VERSION = 2;
const MAX_HEADER_BYTES = 4 * 2 ** 20;
const TRAILER_BYTES = 24;
const TRAILER_MAGIC = 0x184d2a5a;
const TRAILER_TAG = 0x544c4d48;

/**
 * Read the outline of a recording.
 *
 * @param {Uint8Array} bytes the whole file
 * @returns {{metadata: object, reasons: string[], affordances: object, schema: object[], gaps: Array, chunks:
 *   {firstStep: number, nSteps: number, offset: number, nBytes: number}[]}}
 * @throws {CorruptEpisodeError} it is not a recording of version 2.
 */
export function readEpisodeFile(bytes) {
  const framed = isFrame(bytes);
  const objects = framed ? null : unpackSequence(bytes);
  const headerEnd = framed ? frameEnd(bytes) : objects[0]?.end;
  const header = framed ? unpack(decompressFrame(bytes.subarray(0, headerEnd), MAX_HEADER_BYTES)) : objects[0]?.value;
  if (header?.version !== VERSION) {
    throw new CorruptEpisodeError(
      `expected a recording of version ${VERSION}, found version ${brief(header?.version)}`,
    );
  }
  const schema = readSchema(header.schema);
  const footer = framed ? footerByTrailer(bytes) : null;
  checkHeader(header);
  const { chunks, gaps } = footer
    ? { chunks: chunksOf(footer, headerEnd), gaps: footer.gaps }
    : framed
      ? walkFrames(bytes, headerEnd, schema)
      : listObjects(objects, schema);
  return {
    metadata: header.metadata,
    reasons: header.reasons ?? [],
    affordances: header.affordances ?? {},
    schema,
    chunks,
    gaps: checkGaps(gaps ?? header.metadata.gaps ?? []),
  };
}

const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isListOf = (value, isItem) => Array.isArray(value) && value.every(isItem);
const isText = (value) => typeof value === "string";
const isNumber = (value) => typeof value === "number";
const isCount = (value) => Number.isInteger(value) && value >= 0;

/** What the page reads of a header, by name, and what each part must be where it is there. */
function checkHeader({ metadata, reasons, affordances }) {
  const parts = {
    metadata: isMap(metadata),
    reasons: isListOf(reasons ?? [], isText),
    affordances: isMap(affordances ?? {}) && Object.values(affordances ?? {}).every((cell) => isListOf(cell, isNumber)),
    meter_names: isListOf(metadata?.meter_names ?? [], isText),
    action_names: isListOf(metadata?.action_names ?? [], isText),
    substrate: Array.isArray(metadata?.substrate ?? []),
  };
  const wrong = Object.keys(parts).find((name) => !parts[name]);
  if (wrong) throw new CorruptEpisodeError(`the header's ${wrong} is not what it must be`);
}

function checkGaps(gaps) {
  const isGap = (gap) =>
    Array.isArray(gap) && isCount(gap[0]) && (gap[1] === null || isCount(gap[1])) && isText(gap[2]);
  if (!isListOf(gaps, isGap)) throw new CorruptEpisodeError("the gaps are not what they must be");
  return gaps;
}

/** The chunks that a footer lists; they must lie one after the other. */
function chunksOf(footer, start) {
  let end = start;
  return footer.chunks.map((row) => {
    const [offset, nBytes, firstStep, nSteps] = isListOf(row, isCount) ? row : [];
    if (offset !== end || !(nBytes > 0) || !isCount(firstStep) || !(nSteps > 0 && nSteps <= MAX_CHUNK_STEPS))
      throw new CorruptEpisodeError(`the footer places a chunk where byte ${end} is next, and it lists something else`);
    end += nBytes;
    return { firstStep, nSteps, offset, nBytes };
  });
}

function footerByTrailer(bytes) {
  const at = bytes.length - TRAILER_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (at < 0 || view.getUint32(at, true) !== TRAILER_MAGIC || view.getUint32(at + 8, true) !== TRAILER_TAG) return null;
  const offset = view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * 2 ** 32;
  if (offset >= at) throw new CorruptEpisodeError(`the trailer points to byte ${offset} of ${bytes.length}`);
  const footer = unpack(decompressFrame(bytes.subarray(offset, at), MAX_HEADER_BYTES));
  if (footer?.footer !== VERSION || !Array.isArray(footer.chunks)) {
    throw new CorruptEpisodeError(`the trailer points to byte ${offset}, where no footer lies`);
  }
  return footer;
}

/** Frame by frame until the footer, the end, or a torn tail. */
function walkFrames(bytes, start, schema) {
  const chunks = [];
  while (isFrame(bytes, start)) {
    let end;
    try {
      end = frameEnd(bytes, start);
    } catch {
      break;
    }
    const body = unpack(decompressFrame(bytes.subarray(start, end)));
    if (!Array.isArray(body)) return { chunks, gaps: body?.gaps ?? null };
    const { firstStep, nSteps } = chunkFrom(body, schema);
    chunks.push({ firstStep, nSteps, offset: start, nBytes: end - start });
    start = end;
  }
  return { chunks, gaps: null };
}

function listObjects(objects, schema) {
  const chunks = [];
  for (const { start, end, value } of objects.slice(1)) {
    if (!Array.isArray(value)) return { chunks, gaps: value?.gaps ?? null };
    const { firstStep, nSteps } = chunkFrom(value, schema);
    chunks.push({ firstStep, nSteps, offset: start, nBytes: end - start });
  }
  return { chunks, gaps: null };
}
