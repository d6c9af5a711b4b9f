import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { EpisodeFeed } from "../../replay_server/page/pages/episode_feed.js";
import { nearestPoint, niceRange, smoothed, stageStarts } from "../../replay_server/page/views/curve_points.js";

/** A server with a list of ids in each part, newest first. */
function served(parts) {
  const asked = [];
  const fetchPage = async ({ part, limit, cursor }) => {
    asked.push({ part, limit, cursor: cursor ?? null });
    const ids = parts[part];
    const from = cursor ? ids.findIndex((id) => id < Number(cursor)) : 0;
    const page = from < 0 ? [] : ids.slice(from, from + limit);
    const isLast = from < 0 || from + limit >= ids.length;
    return {
      episodes: page.map((id) => ({ run_id: "r", episode_id: id })),
      next_cursor: isLast ? null : String(page.at(-1)),
    };
  };
  return { asked, feed: new EpisodeFeed(fetchPage) };
}

const idsOf = (rows) => rows.map(({ episode_id: id }) => id);
const countdown = (from, to = 0) => Array.from({ length: from - to + 1 }, (_, place) => from - place);

describe("a list of episodes", () => {
  test("goes on with its next part when the first one ends", async () => {
    const { feed } = served([[9, 8], [7]]);
    feed.restart([{ part: 0 }, { part: 1 }]);
    assert.equal(await feed.more(), true);
    assert.deepEqual(idsOf(feed.rows), [9, 8, 7]);
    assert.equal(feed.isWhole, true);
    assert.equal(await feed.more(), false);
  });

  test("loads as many as a person had seen", async () => {
    const { feed } = served([countdown(999)]);
    feed.restart([{ part: 0 }]);
    await feed.more(730);
    assert.ok(feed.rows.length >= 730);
    assert.deepEqual(idsOf(feed.rows), countdown(999, 1000 - feed.rows.length));
  });

  test("finds new episodes, and keeps those that it has", async () => {
    const parts = [countdown(299)];
    const { feed } = served(parts);
    feed.restart([{ part: 0 }]);
    await feed.more();
    parts[0].unshift(301, 300);
    const rows = await feed.again();
    assert.deepEqual(idsOf(rows), countdown(301, 250));
    feed.rows = rows;
    await feed.more();
    assert.deepEqual(idsOf(feed.rows), countdown(301, 200));
  });

  test("finds what is added at the end of a whole list", async () => {
    const parts = [[5], [2]];
    const { feed } = served(parts);
    feed.restart([{ part: 0 }, { part: 1 }]);
    await feed.more();
    parts[1].push(1);
    assert.deepEqual(idsOf(await feed.again()), [5, 2, 1]);
  });

  test("ignores late answers", async () => {
    const { feed } = served([[9], [8]]);
    feed.restart([{ part: 0 }]);
    const late = feed.more();
    feed.restart([{ part: 1 }]);
    assert.equal(await late, false);
    await feed.more();
    assert.deepEqual(idsOf(feed.rows), [8]);
  });
});

describe("a learning curve", () => {
  const curve = {
    episode_id: [0, 10, 20, 30],
    value: [1, 3, 100, null],
    recorded: [true, false, true, true],
    complete: [true, true, false, true],
    curriculum_stage: [1, 1, null, 2],
  };

  test("leaves broken-off episodes out of its mean, and says how many are averaged", () => {
    const { mean, nAveraged } = smoothed(curve, 40);
    assert.deepEqual(mean, [2, 2, 3, NaN]);
    assert.equal(nAveraged, 30);
  });

  test("has a line for each stage, unless there is one only", () => {
    assert.deepEqual(stageStarts(curve), [
      { stage: 1, episodeId: 0 },
      { stage: 2, episodeId: 30 },
    ]);
    assert.deepEqual(stageStarts({ ...curve, curriculum_stage: [1, 1, 1, null] }), []);
  });

  test("names the point that is nearest in both directions", () => {
    const axes = { x: (id) => 10 * id, y: (value) => 100 - value };
    assert.equal(nearestPoint(curve, { x: 180, y: 5 }, axes), 2);
    assert.equal(nearestPoint(curve, { x: 104, y: 96 }, axes), 1);
    assert.equal(nearestPoint(curve, { x: 300, y: 50 }, axes), -1);
  });

  test("has a range even of nothing", () => {
    assert.deepEqual(niceRange([[null, NaN]]), [0, 1]);
    assert.deepEqual(niceRange([[2], [2]]), [1, 3]);
  });
});
