// Round numbers for axes and bins.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { binOf, binned, countIn, roundStep, ticks } from "../../replay_server/page/views/scale.js";

describe("steps and ticks", () => {
  test("are 1, 2 or 5 times a power of ten", () => {
    assert.deepEqual([0.03, 0.2, 1, 3, 7, 11, 40].map(roundStep), [0.05, 0.2, 1, 5, 10, 20, 50]);
    assert.deepEqual(ticks(0.1, 1.05, 5), [0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual(ticks(-20, 20, 4), [-20, -10, 0, 10, 20]);
  });
});

describe("bins", () => {
  test("have round edges, and hold every value once", () => {
    const { edges, counts } = binned([1, 2, 3, 9, 10, 31], 10);
    assert.deepEqual(edges, [0, 5, 10, 15, 20, 25, 30, 35]);
    assert.deepEqual(counts, [3, 1, 1, 0, 0, 0, 1]);
  });

  test("hold the greatest value though it stands on the last edge", () => {
    const { edges, counts } = binned([0, 10], 5);
    assert.deepEqual([edges.at(-1), counts.at(-1)], [10, 1]);
  });

  test("pass over what is no number, and stand without any", () => {
    assert.deepEqual(binned([NaN, null, Infinity, -Infinity], 5), { edges: [], counts: [] });
    assert.deepEqual(countIn([], [1]), []);
    assert.equal(
      binned([NaN, 1, null, 3], 5).counts.reduce((sum, count) => sum + count),
      2,
    );
  });

  test("stand where all values are one", () => {
    assert.deepEqual(binned([7, 7, 7], 24), { edges: [7, 8], counts: [3] });
  });

  test("are found for each value, with edges that no binary fraction meets", () => {
    const values = Array.from({ length: 1000 }, (_, index) => index / 10);
    const { edges, counts } = binned(values, 24);
    assert.ok(edges.length - 1 <= 25);
    values.forEach((value) => {
      const bin = binOf(edges, value);
      assert.ok(value >= edges[bin] && (value < edges[bin + 1] || bin === counts.length - 1), `${value} in bin ${bin}`);
    });
    assert.equal(binOf(edges, -1), -1);
    assert.equal(binOf(edges, 1e9), -1);
  });
});
