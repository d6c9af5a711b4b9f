// The page's decoder against files that the recorder's own encoder wrote (PAGE_GOLDEN, see golden.py).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { decodeChunk } from "../../replay_server/page/decode/chunk.js";
import { readEpisodeFile } from "../../replay_server/page/decode/episode_file.js";
import { CorruptEpisodeError, EpisodeTooLargeError } from "../../replay_server/page/decode/errors.js";
import { decompressFrame } from "../../replay_server/page/decode/lz4.js";
import { unpack } from "../../replay_server/page/decode/msgpack.js";

const folder = process.env.PAGE_GOLDEN;
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf-8"));
const read = (name) => new Uint8Array(readFileSync(join(folder, name)));
const framed = read("every_column.msgpack.lz4");

const chunksOf = (bytes) => {
  const file = readEpisodeFile(bytes);
  return file.chunks.map(({ offset, nBytes }) => decodeChunk(bytes.subarray(offset, offset + nBytes), file.schema));
};

const assertAsExpected = (chunks) => {
  let index = 0;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.nSteps; offset++, index++) {
      assert.equal(chunk.firstStep + offset, expected.step_numbers[index]);
      for (const [name, rows] of Object.entries(expected.columns)) {
        const row = chunk.row(name, offset);
        assert.deepEqual(
          row && Array.from(row),
          rows[index] && rows[index].map(Number),
          `${name} of step ${chunk.firstStep + offset}`,
        );
      }
    }
  }
  assert.equal(index, expected.step_numbers.length);
};

describe("a recording", () => {
  test("decodes to what was recorded, in every dtype and encoding", () => assertAsExpected(chunksOf(framed)));

  test("decodes without compression too", () => assertAsExpected(chunksOf(read("every_column.msgpack"))));

  test("holds texts, repeated or missing in some steps", () => {
    const golden = new URL("../episode_file/golden/", import.meta.url);
    const name = "version2_texts.msgpack.lz4";
    const content = readFileSync(new URL("expected.json", golden), "utf-8").replace(/: (-?Infinity|NaN)/g, ": null");
    const { columns } = JSON.parse(content)[name];
    const [chunk] = chunksOf(new Uint8Array(readFileSync(new URL(name, golden))));
    for (const [column, { values, present }] of Object.entries(columns)) {
      const isPresent = (at) => (parseInt(present.slice(2 * (at >> 3), 2 * (at >> 3) + 2), 16) >> (7 - (at & 7))) & 1;
      const found = values.map((_, offset) => chunk.text(column, offset));
      assert.deepEqual(
        found,
        values.map((text, at) => (isPresent(at) ? text : null)),
      );
      assert.equal(chunk.row(column, 0), null, "texts are no numbers");
      assert.equal(chunk.width(column), 0);
    }
  });

  test("has metadata whose hostile keys are keys like any other", () => {
    const { metadata, affordances, reasons, gaps } = readEpisodeFile(framed);
    assert.equal(metadata.episode_id, 42);
    assert.deepEqual(metadata.action_names, ["UP", "Ü→"]);
    assert.equal(metadata.info.note.length, 70_000);
    assert.equal(metadata.info.negative, -7);
    assert.deepEqual(Object.keys(affordances), ["Bed", "__proto__"]);
    assert.deepEqual(affordances["__proto__"], [1, 1]);
    assert.deepEqual(reasons, ["periodic_10"]);
    assert.deepEqual(gaps, [[356, 400, "dropped"]]);
  });

  test("is read without its footer", () => {
    const { chunks } = readEpisodeFile(framed);
    const { offset, nBytes } = chunks.at(-1);
    const torn = framed.slice(0, offset + nBytes + 9);
    assert.deepEqual(readEpisodeFile(torn).chunks, chunks);
  });

  test("loses only the chunk in which it was cut off", () => {
    const { chunks } = readEpisodeFile(framed);
    const torn = framed.slice(0, chunks.at(-1).offset + 100);
    assert.deepEqual(readEpisodeFile(torn).chunks, chunks.slice(0, -1));
  });
});

describe("damaged bytes", () => {
  const { chunks } = readEpisodeFile(framed);
  const frame = framed.slice(chunks[0].offset, chunks[0].offset + chunks[0].nBytes);

  const isRefusal = (error) => error instanceof CorruptEpisodeError || error instanceof EpisodeTooLargeError;

  test("are refused wherever one byte of a chunk is flipped", () => {
    for (let at = 0; at < frame.length; at += 97) {
      const flipped = frame.slice();
      flipped[at] ^= 0x41;
      assert.throws(() => decompressFrame(flipped), isRefusal);
    }
  });

  test("are refused or harmless in older files, whose frames have a checksum of their content", () => {
    const older = new Uint8Array(readFileSync(new URL("../episode_file/golden/version2.msgpack.lz4", import.meta.url)));
    const [{ offset, nBytes }] = readEpisodeFile(older).chunks;
    const whole = older.slice(offset, offset + nBytes);
    let nRefused = 0;
    for (let at = 0; at < whole.length; at++) {
      const flipped = whole.slice();
      flipped[at] ^= 0x41;
      try {
        assert.deepEqual(decompressFrame(flipped), decompressFrame(whole));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        nRefused++;
      }
    }
    assert.ok(nRefused > whole.length / 2);
  });

  test("are refused before memory is taken when they claim a terabyte", () => {
    // magic, flags (version 1, independent, size, checksum), 64 KiB blocks, 2^40, header checksum, end mark, checksum
    const header = [0x04, 0x22, 0x4d, 0x18, 0x6c, 0x40, 0, 0, 0, 0, 0, 1, 0, 0, 0x72, 0, 0, 0, 0, 0, 0, 0, 0];
    for (let sum = 0; sum < 256; sum++) {
      header[14] = sum;
      assert.throws(() => decompressFrame(Uint8Array.from(header)));
    }
  });

  test("nested without end don't overflow the stack", () => {
    assert.throws(() => unpack(new Uint8Array(100_000).fill(0x91)), CorruptEpisodeError);
  });

  test("that claim four billion entries are cut off, not allocated", () => {
    assert.throws(() => unpack(Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff])), CorruptEpisodeError);
  });

  test("of an extension type are refused", () => {
    assert.throws(() => unpack(Uint8Array.from([0xd4, 1, 0])), /0xd4 is not supported/);
  });
});

/** MessagePack of a value, as far as headers need it. */
function pack(value) {
  const utf8 = (text) => [...new TextEncoder().encode(text)];
  const long = (kind, n) => [kind, n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  if (value === null) return [0xc0];
  if (typeof value === "boolean") return [value ? 0xc3 : 0xc2];
  if (typeof value === "number") return long(0xd2, value);
  if (typeof value === "string") return [...long(0xdb, utf8(value).length), ...utf8(value)];
  if (value instanceof Uint8Array) return [...long(0xc6, value.length), ...value];
  if (Array.isArray(value)) return [...long(0xdd, value.length), ...value.flatMap(pack)];
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return [...long(0xdf, entries.length), ...entries.flatMap(([key, item]) => [...pack(key), ...pack(item)])];
}

describe("a file that was changed", () => {
  const whole = { version: 2, metadata: { episode_id: 1 }, schema: [["reward", "|u1", [], "plain"]], reasons: [] };
  const chunk = [0, 2, [Uint8Array.of(1, 2)]];
  const readAll = (header, ...chunks) => {
    const bytes = Uint8Array.from([header, ...chunks].flatMap(pack));
    const file = readEpisodeFile(bytes);
    for (const { offset, nBytes } of file.chunks) {
      const decoded = decodeChunk(bytes.subarray(offset, offset + nBytes), file.schema);
      for (const name of decoded.names) decoded.row(name, 0);
    }
  };
  const strange = [
    null,
    true,
    7,
    -1,
    "x",
    "y".repeat(70_000),
    [],
    [[]],
    [null],
    [{}],
    {},
    { a: {} },
    [["a", {}, 1, null]],
  ];
  const isTyped = (error) =>
    (error instanceof CorruptEpisodeError || error instanceof EpisodeTooLargeError) && error.message.length < 400;
  const readsOrTells = (...objects) => {
    try {
      readAll(...objects);
    } catch (error) {
      assert.ok(isTyped(error), `${error.name}: ${error.message.slice(0, 200)}`);
    }
  };

  test("is the one that the others are spoilt from", () => readAll(whole, chunk));

  test("is read, or refused with a typed error in few words", () => {
    for (const value of strange) {
      for (const name of Object.keys(whole)) readsOrTells({ ...whole, [name]: value }, chunk);
      for (const name of ["meter_names", "action_names", "gaps", "substrate", "grid_size", "run_id"])
        readsOrTells({ ...whole, metadata: { ...whole.metadata, [name]: value } }, chunk);
      for (let part = 0; part < 4; part++)
        readsOrTells(
          { ...whole, schema: [whole.schema[0].map((item, index) => (index === part ? value : item))] },
          chunk,
        );
      for (let part = 0; part < 4; part++) readsOrTells(whole, Object.assign([...chunk], { [part]: value }));
      readsOrTells({ ...whole, affordances: value }, chunk);
      readsOrTells({ ...whole, affordances: { Bed: value } }, chunk);
      readsOrTells(whole, chunk, value);
      readsOrTells(new Map([[value, 1]]), chunk);
    }
  });

  test("does not make gigabytes of a shape", () => {
    const schema = [["meters", "<f8", [2 ** 30, 2 ** 30], "planes"]];
    assert.throws(() => readAll({ ...whole, schema }, chunk), EpisodeTooLargeError);
  });
});
