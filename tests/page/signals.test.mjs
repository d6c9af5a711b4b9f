// Which rows an episode without positions has, and which steps they show.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { MAX_ROWS, chooseSignals, windowAround } from "../../replay_server/page/views/signals.js";

const columns = (widths) => Object.entries(widths).map(([name, nValues]) => ({ name, nValues }));
const namesOf = (widths, meterNames = []) =>
  chooseSignals(columns(widths), meterNames).map(({ name, component }) => (component === null ? `${name}…` : name));

describe("the rows", () => {
  test("are reward, action, meters and extras, a line for each number", () => {
    const widths = {
      meters: 2,
      action: 1,
      reward: 1,
      done: 1,
      q_values: 2,
      "extras.observation": 2,
      "extras.value": 1,
    };
    assert.deepEqual(namesOf(widths, ["energy", "mood"]), [
      ...["reward", "action", "energy", "mood", "observation 0", "observation 1", "value"],
    ]);
  });

  test("of an observation have the names that the environment gives, if there is one for each number", () => {
    const rows = (names) => chooseSignals(columns({ "extras.observation": 2 }), [], names).map(({ name }) => name);
    assert.deepEqual(rows(["angle", "velocity"]), ["angle", "velocity"]);
    for (const unfit of [["angle"], "ab", null]) assert.deepEqual(rows(unfit), ["observation 0", "observation 1"]);
  });

  test("leave out what has no numbers", () => {
    assert.deepEqual(namesOf({ position: 0, meters: 0, reward: 1, "extras.nothing": 0 }), ["reward"]);
    assert.deepEqual(namesOf({}), []);
  });

  test("hold the widest column in one band where there would be too many", () => {
    assert.equal(namesOf({ reward: 1, action: 1, "extras.observation": 10 }).length, MAX_ROWS);
    assert.deepEqual(namesOf({ reward: 1, action: 1, "extras.observation": 11 }), ["reward", "action", "observation…"]);
    const two = namesOf({ reward: 1, "extras.wide": 376, "extras.narrow": 3 });
    assert.deepEqual(two, ["reward", "wide…", "narrow 0", "narrow 1", "narrow 2"]);
  });

  test("are limited to the number that can be distinguished", () => {
    const extras = Object.fromEntries(Array.from({ length: 20 }, (_, number) => [`extras.e${number}`, 2]));
    const found = namesOf({ reward: 1, ...extras });
    assert.equal(found.length, MAX_ROWS);
    assert.deepEqual(found.slice(0, 2), ["reward", "e0…"]);
  });
});

describe("the steps that are shown", () => {
  test("are around the current step, and within the episode", () => {
    assert.deepEqual(windowAround(150, 1000, 100), [100, 200]);
    assert.deepEqual(windowAround(3, 1000, 100), [0, 100]);
    assert.deepEqual(windowAround(999, 1000, 100), [900, 1000]);
    assert.deepEqual(windowAround(20, 35, 100), [0, 35]);
    assert.deepEqual(windowAround(0, 1, 100), [0, 1]);
  });
});
