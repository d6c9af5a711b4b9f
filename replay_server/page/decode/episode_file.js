/**
 * A whole recording in memory: header, chunks and footer of version 2, framed or not; FORMAT.md is the specification.
 */

import { chunkFrom } from "./chunk.js";
import { readSchema } from "./columns.js";
import { CorruptEpisodeError } from "./errors.js";
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
      `expected a recording of version ${VERSION}, found version ${String(header?.version)}`,
    );
  }
  const schema = readSchema(header.schema);
  const footer = framed ? footerByTrailer(bytes) : null;
  const { chunks, gaps } = footer
    ? {
        chunks: footer.chunks.map(([offset, nBytes, firstStep, nSteps]) => ({ firstStep, nSteps, offset, nBytes })),
        gaps: footer.gaps,
      }
    : framed
      ? walkFrames(bytes, headerEnd, schema)
      : listObjects(objects, schema);
  return {
    metadata: header.metadata,
    reasons: header.reasons,
    affordances: header.affordances,
    schema,
    chunks,
    gaps: gaps ?? header.metadata.gaps ?? [],
  };
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
    if (!Array.isArray(body)) return { chunks, gaps: body.gaps };
    const { firstStep, nSteps } = chunkFrom(body, schema);
    chunks.push({ firstStep, nSteps, offset: start, nBytes: end - start });
    start = end;
  }
  return { chunks, gaps: null };
}

function listObjects(objects, schema) {
  const chunks = [];
  for (const { start, end, value } of objects.slice(1)) {
    if (!Array.isArray(value)) return { chunks, gaps: value.gaps };
    const { firstStep, nSteps } = chunkFrom(value, schema);
    chunks.push({ firstStep, nSteps, offset: start, nBytes: end - start });
  }
  return { chunks, gaps: null };
}
