// The pure parts of the player: the clock, markers, dull spans, divergence.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { chunkFrom } from "../../replay_server/page/decode/chunk.js";
import { PlaybackClock, SPEEDS } from "../../replay_server/page/playback/clock.js";
import { divergenceIn, firstDivergence } from "../../replay_server/page/playback/divergence.js";
import { DullSpanFinder, skipDull } from "../../replay_server/page/playback/dull_spans.js";
import { MarkerFinder, neighbourMarker, noteMarkers, thinMarkers } from "../../replay_server/page/playback/markers.js";
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

  test("waits for the steps before the end though the next frame would be behind it", () => {
    const clock = clockOver(300, { isPlaying: true, speed: 1e300 });
    assert.deepEqual(shown(clock, 1, (index) => index < 100), [0, 99]);
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
  const spansOf = (columns, marked = []) => {
    const finder = new DullSpanFinder();
    const spans = [];
    const chunk = chunkOf(columns);
    for (let step = 0; step < chunk.nSteps; step++) finder.step(chunk, step, step, marked.includes(step), spans);
    return spans;
  };
  const standing = Array.from({ length: 40 }, () => [3, 3]);
  const even = Array.from({ length: 40 }, () => 1);

  test("are where the agent stands and its reward stays", () => {
    assert.deepEqual(spansOf({ position: standing, reward: even }), [[1, 40]]);
  });

  test("never hold a marker", () => {
    assert.deepEqual(spansOf({ position: standing, reward: even }, [20]), [
      [1, 20],
      [21, 40],
    ]);
  });

  test("end where the reward changes, and short ones don't count", () => {
    assert.deepEqual(spansOf({ position: standing, reward: even.map((_, step) => (step < 30 ? 1 : step)) }), [[1, 30]]);
    assert.deepEqual(spansOf({ position: standing, reward: even.map((_, step) => step >> 3) }), []);
  });

  test("need still meters where there are no positions", () => {
    assert.deepEqual(spansOf({ meters: standing.map((_, step) => [step / 100]), reward: even }), []);
    assert.deepEqual(spansOf({ meters: standing, reward: even }), [[1, 40]]);
  });

  test("are nowhere in an episode that tells neither", () => {
    assert.deepEqual(spansOf({ reward: even }), []);
  });

  test("are found by binary search, however many there are", () => {
    const spans = Array.from({ length: 1000 }, (_, span) => [span * 100 + 10, span * 100 + 50]);
    assert.equal(skipDull(spans, 50_011), 50_050);
    assert.equal(skipDull(spans, 50_010), 50_010);
    assert.equal(skipDull(spans, 50_050), 50_050);
    assert.equal(skipDull([], 5), 5);
  });
});

describe("markers", () => {
  const outline = {
    meterNames: ["energy", "mood"],
    actionNames: ["UP", "INTERACT"],
    affordances: [{ name: "Bed", cell: [2, 3] }],
    schema: [],
  };
  const markersOf = (columns, changes = {}) => {
    const finder = new MarkerFinder({ ...outline, ...changes });
    const chunk = chunkOf(columns);
    return Array.from({ length: chunk.nSteps }, (_, step) => finder.step(chunk, step, step)).flat();
  };

  test("say when a meter comes near empty, once each time", () => {
    const found = markersOf({
      meters: [
        [0.5, 1],
        [0.09, 1],
        [0.08, 1],
        [0.3, 1],
        [0.05, 0],
      ],
    });
    assert.deepEqual(
      found.map(({ index, label }) => [index, label]),
      [
        [1, "energy at 9%"],
        [4, "energy at 5%"],
        [4, "mood at 0%"],
      ],
    );
  });

  test("say when an affordance comes into use, by the action's name", () => {
    const found = markersOf({
      position: [
        [2, 3],
        [2, 3],
        [2, 3],
        [1, 3],
      ],
      action: [0, 1, 1, 1],
    });
    assert.deepEqual(found, [{ index: 1, kind: "affordance", label: "using Bed" }]);
  });

  test("say when two allowed actions are valued alike", () => {
    const q = [
      [1, 0, 0.99],
      [1, 0, 0.999],
      [1, 0, 0.2],
      [1, 0, 0.999],
    ];
    assert.deepEqual(
      markersOf({ q_values: q }).map(({ index }) => index),
      [0, 3],
    );
    assert.deepEqual(
      markersOf({
        q_values: q,
        action_masks: [
          [1, 1, 0],
          [1, 1, 0],
          [1, 1, 0],
          [1, 1, 1],
        ],
      }).map(({ index }) => index),
      [3],
    );
  });

  test("say how the episode ended", () => {
    assert.deepEqual(markersOf({ reward: [1, 1], terminated: [0, 1], done: [0, 1] }), [
      { index: 1, kind: "end", label: "terminated" },
    ]);
  });

  test("are thinned evenly over the whole episode, those that matter most last", () => {
    const many = Array.from({ length: 5000 }, (_, step) => ({ index: step, kind: "unsure", label: "" }));
    many.splice(4321, 0, { index: 4321, kind: "low_meter", label: "" });
    many.push({ index: 4999, kind: "end", label: "" });
    const kept = thinMarkers(many, 102);
    assert.deepEqual(
      kept.filter(({ kind }) => kind !== "unsure").map(({ kind }) => kind),
      ["low_meter", "end"],
    );
    assert.deepEqual(
      kept.filter(({ kind }) => kind === "unsure").map(({ index }) => index),
      Array.from({ length: 100 }, (_, stretch) => stretch * 50),
    );
    assert.deepEqual(thinMarkers(kept, 102), kept);
    assert.equal(thinMarkers(many, 1)[0].kind, "end");
  });

  test("stay even when an episode grows, however often they are thinned", () => {
    let kept = [];
    for (let step = 0; step < 64_000; step++) {
      kept.push({ index: step, kind: "unsure", label: "" });
      if (kept.length > 200) kept = thinMarkers(kept, 100);
    }
    const byQuarter = [0, 1, 2, 3].map(
      (quarter) => thinMarkers(kept, 100).filter(({ index }) => Math.floor(index / 16_000) === quarter).length,
    );
    assert.ok(Math.min(...byQuarter) >= 10 && Math.max(...byQuarter) <= 25, `${byQuarter}`);
  });

  test("name notes by their label or their first line, in short", () => {
    const table = new ChunkTable();
    table.add(0, 10);
    table.add(20, 10);
    const notes = [
      { step: 3, label: "", text: "why\nhere?" },
      { step: 25, label: "x".repeat(100), text: "" },
    ];
    assert.deepEqual(noteMarkers(notes, table), [
      { index: 3, kind: "note", label: "why" },
      { index: 15, kind: "note", label: `${"x".repeat(79)}…` },
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

  test("is found though the chunks of the two lie differently", async () => {
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
