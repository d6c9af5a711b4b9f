// The pure parts of the player: the clock, markers, dull spans, divergence.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { chunkFrom } from "../../replay_server/page/decode/chunk.js";
import { PlaybackClock, SPEEDS } from "../../replay_server/page/playback/clock.js";
import { divergenceIn, firstDivergence } from "../../replay_server/page/playback/divergence.js";
import { skipDull } from "../../replay_server/page/playback/clock.js";
import { annotationMarkers, cellsOf, neighbourMarker } from "../../replay_server/page/playback/markers.js";
import { TimelineWindow } from "../../replay_server/page/views/timeline_window.js";
import { ChunkTable } from "../../replay_server/page/source/chunk_table.js";

const always = () => true;

function clockOver(nSteps, settings = {}) {
  return Object.assign(new PlaybackClock(), { nSteps }, settings);
}

/** Whole steps shown while playing for so many seconds, 60 frames a second. */
function shown(clock, secs, isLoaded = always) {
  const indexes = new Set([clock.index]);
  for (let frame = 0; frame < secs * 60; frame++) {
    clock.advance(1 / 60, isLoaded);
    indexes.add(clock.index);
  }
  return [...indexes];
}

/** A chunk of plain columns: `{name: [rows]}`. */
function chunkOf(columns, firstStep = 0) {
  const schema = [];
  const slots = [];
  for (const [name, rows] of Object.entries(columns)) {
    const nValues = Array.isArray(rows[0]) ? rows[0].length : 1;
    schema.push({ name, dtype: "<f8", shape: Array.isArray(rows[0]) ? [nValues] : [], encoding: "plain", nValues });
    slots.push(new Uint8Array(Float64Array.from(rows.flat()).buffer));
  }
  return chunkFrom([firstStep, Object.values(columns)[0].length, slots], schema);
}

describe("the clock", () => {
  test("shows five steps a second at speed 1", () => {
    const clock = clockOver(100);
    clock.play();
    assert.deepEqual(shown(clock, 2.02), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("stops on the last step, and plays from the start after that", () => {
    const clock = clockOver(4);
    clock.play();
    shown(clock, 2);
    assert.equal(clock.position, 3);
    assert.equal(clock.isPlaying, false);
    clock.play();
    assert.equal(clock.position, 0);
  });

  test("waits at the end of a live episode, and goes on when steps come", () => {
    const clock = clockOver(3, { isLive: true });
    clock.play();
    shown(clock, 2);
    assert.equal(clock.index, 2);
    clock.nSteps = 6;
    shown(clock, 0.4);
    assert.ok(clock.index > 2);
  });

  test("waits for the last steps even if the next frame would be after the end", () => {
    const clock = clockOver(300, { isPlaying: true, speed: 1e300 });
    assert.deepEqual(
      shown(clock, 1, (index) => index < 100),
      [0, 99],
    );
    assert.ok(clock.isPlaying);
    assert.deepEqual(shown(clock, 1), [99, 299]);
    assert.ok(!clock.isPlaying);
  });

  test("waits before a step that is not here yet, and never shows it", () => {
    const clock = clockOver(100, { speed: 16 });
    clock.play();
    assert.ok(!shown(clock, 3, (index) => index < 40).some((index) => index >= 40));
    assert.equal(clock.isPlaying, true);
    assert.equal(Math.max(...shown(clock, 3)), 99);
  });

  test("repeats the loop and nothing else", () => {
    const clock = clockOver(100, { loop: [10, 14], speed: 4 });
    clock.seek(10);
    clock.play();
    assert.deepEqual(
      shown(clock, 3).sort((one, other) => one - other),
      [10, 11, 12, 13, 14],
    );
  });

  test("repeats a loop that ends with the episode", () => {
    const clock = clockOver(20, { loop: [16, 19], speed: 4 });
    clock.seek(16);
    clock.play();
    shown(clock, 5);
    assert.equal(clock.isPlaying, true);
  });

  test("jumps over dull spans but shows their first step, at every speed", () => {
    for (const speed of SPEEDS) {
      const clock = clockOver(200, { dullSpans: [[20, 150]], speed });
      clock.play();
      const indexes = shown(clock, 300 / speed);
      assert.ok(!indexes.some((index) => index > 20 && index < 150), `speed ${speed}`);
      assert.equal(Math.max(...indexes), 199);
    }
  });

  test("looks for dull spans within the episode only, at any speed", () => {
    const clock = clockOver(200, { dullSpans: [], speed: 1e300 });
    clock.play();
    assert.deepEqual(shown(clock, 0.1), [0, 199]);
  });

  test("is slowed down from a speed beyond those on offer to the greatest of them", () => {
    const clock = clockOver(200, { speed: 200 });
    clock.changeSpeed(-1);
    assert.equal(clock.speed, SPEEDS.at(-1));
  });

  test("holds a seek within the episode", () => {
    const clock = clockOver(10);
    clock.seek(99);
    assert.equal(clock.position, 9);
    clock.seek(-5);
    assert.equal(clock.position, 0);
    clockOver(0).play();
  });

  test("changes speed along the list, also from a speed that is not on it", () => {
    const clock = clockOver(10);
    clock.changeSpeed(1);
    assert.equal(clock.speed, 2);
    for (let press = 0; press < 20; press++) clock.changeSpeed(-1);
    assert.equal(clock.speed, SPEEDS[0]);
    clock.speed = 3;
    clock.changeSpeed(-1);
    assert.equal(clock.speed, 2);
  });
});

describe("dull spans", () => {
  test("are found by binary search, however many there are", () => {
    const spans = Array.from({ length: 1000 }, (_, span) => [span * 100 + 10, span * 100 + 50]);
    assert.equal(skipDull(spans, 50_011), 50_050);
    assert.equal(skipDull(spans, 50_010), 50_010);
    assert.equal(skipDull(spans, 50_050), 50_050);
    assert.equal(skipDull([], 5), 5);
  });
});

describe("markers", () => {
  test("name annotations by their label or their first line, in short", () => {
    const table = new ChunkTable();
    table.add(0, 10);
    table.add(20, 10);
    const annotations = [
      { step: 3, label: "", text: "why\nhere?" },
      { step: 25, label: "x".repeat(100), text: "" },
    ];
    assert.deepEqual(annotationMarkers(annotations, table), [
      { index: 3, kind: "annotation", label: "why" },
      { index: 15, kind: "annotation", label: `${"x".repeat(79)}…` },
    ]);
  });

  test("are walked in both directions", () => {
    const markers = [{ index: 3 }, { index: 9 }];
    assert.equal(neighbourMarker(markers, 3, 1).index, 9);
    assert.equal(neighbourMarker(markers, 9, -1).index, 3);
    assert.equal(neighbourMarker(markers, 9, 1), null);
  });
});

describe("divergence", () => {
  const storeOf = (...chunks) => {
    const table = new ChunkTable();
    for (const chunk of chunks) table.add(chunk.firstStep, chunk.nSteps);
    return { table, load: async (index) => chunks[table.positionOf(index)] };
  };
  const walk = (actions, firstStep = 0) => chunkOf({ action: actions, reward: actions.map(() => 1) }, firstStep);

  test("is the first step with another action", () => {
    assert.deepEqual(divergenceIn(walk([1, 2, 3, 4]), walk([1, 2, 0, 0]), 0, 4), { step: 2, what: "action" });
    assert.equal(divergenceIn(walk([1, 2]), walk([1, 2]), 0, 2), null);
  });

  test("is the first step in which one of several agents acts otherwise", () => {
    const team = (actions) => chunkOf({ reward: [1, 1, 1], "extras.agents.0.action": actions });
    assert.deepEqual(
      divergenceIn(
        team([
          [1, 2],
          [1, 2],
          [1, 2],
        ]),
        team([
          [1, 2],
          [1, 0],
          [1, 2],
        ]),
        0,
        3,
      ),
      {
        step: 1,
        what: "action",
      },
    );
  });

  test("is found although the chunks of both differ", async () => {
    const found = await firstDivergence(
      storeOf(walk([1, 1, 1]), walk([1, 1, 5], 3)),
      storeOf(walk([1, 1]), walk([1, 1, 1, 1], 2)),
    );
    assert.deepEqual(found, { step: 5, what: "action" });
  });

  test("passes over steps that one of them lacks", async () => {
    assert.equal(await firstDivergence(storeOf(walk([1, 1, 1, 1])), storeOf(walk([1]), walk([1], 3))), null);
  });

  test("is the end of the shorter one when all else is equal", async () => {
    assert.deepEqual(await firstDivergence(storeOf(walk([1, 1, 1])), storeOf(walk([1, 1]))), {
      step: 2,
      what: "length",
    });
  });
});

describe("the timeline", () => {
  test("draws markers that would cover each other as one cell", () => {
    const markers = [0, 1, 2, 40].map((index) => ({ index, kind: "affordance" }));
    const cells = cellsOf(markers, (index) => index + 6);
    assert.deepEqual(
      cells.map(({ x, markers: found }) => [x, found.length]),
      [
        [9, 3],
        [46, 1],
      ],
    );
  });

  test("zooms until a pixel is less than a step, around what is pointed at", () => {
    const window = new TimelineWindow();
    window.setEnds(0, 99_999);
    for (let wheel = 0; wheel < 60; wheel++) window.zoom(1, 54_321);
    const [low, high] = window.ends;
    assert.ok(high - low <= 21 && low <= 54_321 && high >= 54_321, `${low} to ${high}`);
    assert.ok(window.reveal(54_400));
    assert.ok(window.ends[0] <= 54_400 && window.ends[1] >= 54_400);
    window.centre(99_999);
    assert.equal(window.ends[1], 99_999);
    window.pan(-1);
    assert.ok(window.ends[1] < 99_999);
    for (let wheel = 0; wheel < 60; wheel++) window.zoom(-1, 99_999);
    assert.deepEqual(window.ends, [0, 99_999]);
    assert.equal(window.isZoomed, false);
  });
});
