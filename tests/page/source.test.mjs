// Fetching chunks: what is asked for, what is kept; and what a link holds.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { WHOLE_LIST, linkTo, readPlace } from "../../replay_server/page/shell/share.js";
import { BytesSource } from "../../replay_server/page/source/bytes_source.js";
import { ChunkRequests } from "../../replay_server/page/source/chunk_requests.js";
import { ChunkTable } from "../../replay_server/page/source/chunk_table.js";
import { EpisodeStore } from "../../replay_server/page/source/episode_store.js";
import { extendTable, grow, outlineOfMessage, replaceFindings } from "../../replay_server/page/source/outline.js";
import { SocketSource } from "../../replay_server/page/source/socket_source.js";
import { readStep } from "../../replay_server/page/player/step_view.js";

describe("indexes and numbers", () => {
  const table = new ChunkTable();
  table.add(0, 10);
  table.add(15, 5);

  test("differ after a gap", () => {
    assert.equal(table.numberOf(9), 9);
    assert.equal(table.numberOf(10), 15);
    assert.equal(table.indexOf(15), 10);
    assert.equal(table.endStep, 20);
  });

  test("within a gap mean the next recorded step, and stay within the episode", () => {
    assert.equal(table.indexOf(12), 10);
    assert.equal(table.indexOf(99), 14);
    assert.equal(table.numberOf(99), 20);
    assert.equal(new ChunkTable().indexOf(3), 0);
  });
});

describe("requests for chunks", () => {
  /** A server that sends in order from where it stands, as PROTOCOL.md says. */
  class Server {
    next = 0;
    credit = 0;
    take(message) {
      if (message.seek !== null) [this.next, this.credit] = [message.seek, 0];
      this.credit += message.credit;
    }
    send() {
      return this.credit-- > 0 ? this.next++ : null;
    }
  }

  const settle = (requests, server, arrived = []) => {
    for (let turn = 0; turn < 500; turn++) {
      const message = requests.next();
      if (message) server.take(message);
      const position = server.credit > 0 ? server.send() : null;
      if (position === null && !message) return arrived;
      if (position === null) continue;
      arrived.push(position);
      requests.arrived(position);
    }
    throw new Error("the requests never settle");
  };

  test("bring everything that was wanted", () => {
    const requests = new ChunkRequests();
    for (const position of [3, 4, 5, 9, 1]) requests.want(position);
    assert.deepEqual(settle(requests, new Server()).sort(), [1, 3, 4, 5, 9]);
  });

  test("put what a person waits for first, and then go on", () => {
    const requests = new ChunkRequests();
    const server = new Server();
    for (let position = 0; position < 8; position++) requests.want(position);
    server.take(requests.next());
    requests.want(50, { urgent: true });
    const arrived = settle(requests, server);
    assert.equal(arrived[0], 50);
    assert.deepEqual(
      arrived.sort((one, other) => one - other),
      [0, 1, 2, 3, 4, 5, 6, 7, 50],
    );
  });

  test("never have more under way than the window", () => {
    const requests = new ChunkRequests();
    for (let position = 0; position < 100; position++) requests.want(position);
    let credit = 0;
    for (let message; (message = requests.next());) credit += message.credit;
    assert.equal(credit, 4);
  });

  test("start over with a new connection", () => {
    const requests = new ChunkRequests();
    requests.want(7);
    requests.next();
    requests.restart(0, 2);
    const server = new Server();
    server.credit = 2;
    assert.deepEqual(settle(requests, server).sort(), [0, 1, 7]);
  });
});

describe("a run that is followed", () => {
  const growth = (more = {}) => ({
    gaps: [],
    markers: [],
    dull: [],
    critical: [],
    overview: { stride: 1, index: [], cumulative_reward: [], meters: [], agents: [], teams: [] },
    bounds: { low: [], high: [] },
    meter_ranges: [],
    meter_levels: [],
    ...more,
  });
  const opened = (episodeId, more = {}) => ({
    type: "opened",
    run_id: "r",
    episode_id: episodeId,
    live: true,
    metadata: {},
    reasons: [],
    affordances: {},
    substrate: { position_dim: 0 },
    meter_names: [],
    action_names: [],
    schema: [],
    chunks: [[0, 10, 99, 0, 0]],
    next_chunk: 0,
    affordance_numbers: {},
    affordance_kinds: {},
    ...growth(),
    content_hash: null,
    last_seq: `${episodeId}00-2`,
    resumed: false,
    ...more,
  });

  const follow = () => {
    const sent = [];
    const heard = [];
    const outlines = [];
    const socket = { isOpen: true, waitMillis: () => 0, send: (message) => sent.push(message) };
    socket.addStream = (stream) => ((socket.stream = stream), stream.onConnected(7), 7);
    const source = new SocketSource(socket, { runId: "r", episodeId: null, follow: true });
    source.start({
      onOutline: (outline) => outlines.push(outline) && heard.push(`opened ${outline.episodeId}`),
      onChunk: (position) => heard.push(`chunk ${position}`),
      onGrown: () => heard.push("grown"),
      onEnded: () => heard.push("ended"),
      onWaiting: () => heard.push("waiting"),
      onBehind: (nEpisodes) => heard.push(`${nEpisodes} behind`),
      onError: ({ code }) => heard.push(code),
    });
    return {
      source,
      sent,
      heard,
      outlines,
      tell: (message) => socket.stream.onMessage(message),
      stream: socket.stream,
    };
  };

  test("takes the viewer from one episode to the next", () => {
    const { heard, tell } = follow();
    tell(opened(3));
    tell({ type: "ended", metadata: {} });
    tell(opened(4));
    assert.deepEqual(heard, ["opened 3", "ended", "opened 4"]);
  });

  test("goes on with the next episode of the same lane only when the viewer wants it", () => {
    const { source, sent, heard, tell } = follow();
    assert.deepEqual(sent, [{ type: "follow", id: 7, credit: 1, run_id: "r", waits: true }]);
    tell(opened(3, { metadata: { lane: 2 } }));
    tell({ type: "ended", metadata: { lane: 2 } });
    tell({ type: "behind", n_episodes: 1 });
    source.goOn();
    source.goOn();
    assert.deepEqual(sent.slice(1), [{ type: "follow", id: 7, credit: 1, run_id: "r", waits: true, lane: 2 }]);
    tell({ type: "behind", n_episodes: 2 });
    source.request(0, { urgent: true });
    assert.equal(sent.length, 2, "asked for a chunk of an episode that is not open");
    tell(opened(5));
    assert.deepEqual(heard, ["opened 3", "ended", "1 behind", "opened 5"]);
  });

  test("returns to the open episode after an outage", () => {
    const { sent, tell, stream } = follow();
    tell(opened(3));
    stream.onConnected(7);
    assert.deepEqual(sent.at(-1), {
      type: "follow",
      id: 7,
      credit: 1,
      run_id: "r",
      episode_id: 3,
      last_seq: "300-2",
      waits: true,
    });
  });

  test("reports the end of an episode that was not kept", () => {
    const { heard, tell } = follow();
    tell(opened(3));
    tell({ type: "error", code: "not_found", message: "not kept" });
    tell({ type: "error", code: "not_found", message: "no such chunk" });
    assert.deepEqual(heard, ["opened 3", "ended", "not_found"]);
  });

  test("adds gaps to those that are known", () => {
    const { outlines, tell } = follow();
    tell(opened(3, { gaps: [[10, 12, "lost"]] }));
    tell({ type: "grown", chunks: [[12, 5, 9, 0, 0]], ...growth() });
    tell({ type: "grown", chunks: [[20, 5, 9, 0, 0]], ...growth({ gaps: [[17, 20, "dropped"]] }) });
    assert.deepEqual(
      outlines[0].gaps.map(({ firstStep }) => firstStep),
      [10, 17],
    );
  });
});

describe("an episode from bytes", () => {
  const bytes = new Uint8Array(readFileSync(join(process.env.PAGE_GOLDEN, "life.msgpack.lz4")));
  const { steps, outline } = JSON.parse(readFileSync(join(process.env.PAGE_GOLDEN, "life.json"), "utf-8"));
  const heard = (store, type) => new Promise((resolve) => store.addEventListener(type, resolve, { once: true }));

  test("reports each step with the return so far", async () => {
    const store = new EpisodeStore(new BytesSource(bytes, outline));
    await heard(store, "outline");
    for (const { index, position, returnSoFar, qValues } of steps) {
      await store.load(index);
      const step = readStep(store, index);
      assert.deepEqual(Array.from(step.position), position);
      assert.ok(Math.abs(step.returnSoFar - returnSoFar) < 1e-9);
      assert.deepEqual(Array.from(step.qValues), qValues);
    }
  });

  test("that are no recording end in a reported failure", async () => {
    const store = new EpisodeStore(new BytesSource(new Uint8Array(50), outline));
    const { detail } = await heard(store, "failure");
    assert.match(detail.message, /recording|MessagePack/);
  });
});

describe("the outline of an episode that was followed live", () => {
  const ways = JSON.parse(readFileSync(join(process.env.PAGE_GOLDEN, "ways.json"), "utf-8"));
  const untimed = ({ table, live, metadata, reasons, reasonWords, schema, ...outline }) => outline;

  for (const [name, { recorded, live }] of Object.entries(ways)) {
    test(`is that of its recording, with meters of ${name}`, () => {
      const [opened, ...later] = live;
      const ended = later.pop();
      const outline = outlineOfMessage(opened);
      for (const message of later) {
        extendTable(outline.table, message.chunks);
        grow(outline, message);
      }
      const expected = outlineOfMessage(recorded);
      const isFound = ({ kind }) => !["best_reward", "end"].includes(kind);
      assert.deepEqual(outline.markers, expected.markers.filter(isFound));
      assert.deepEqual(outline.dull, expected.dull);
      assert.deepEqual(outline.overview.index, expected.overview.index);
      for (const curves of ["meters", "agents", "teams"])
        assert.deepEqual(outline.overview[curves], expected.overview[curves]);
      assert.deepEqual(outline.bounds, expected.bounds);
      assert.deepEqual(outline.agents, expected.agents);
      assert.deepEqual(outline.table.chunks, expected.table.chunks);
      replaceFindings(outline, ended);
      assert.deepEqual(untimed(outline), untimed(expected));
    });
  }

  test("thins its samples out as the server does", () => {
    const told = (stride, index) => ({
      gaps: [],
      markers: [],
      dull: [],
      critical: [],
      bounds: {},
      meter_ranges: [],
      meter_levels: [],
      overview: { stride, index, cumulative_reward: index, meters: [], agents: [], teams: [] },
    });
    const outline = outlineOfMessage({
      chunks: [],
      schema: [],
      affordances: {},
      affordance_numbers: {},
      affordance_kinds: {},
      meter_names: [],
      action_names: [],
      ...told(1, [0, 1, 2, 3]),
    });
    grow(outline, told(2, [4, 6, 7]));
    grow(outline, told(4, [8, 9]));
    assert.deepEqual(outline.overview.index, [0, 4, 8, 9]);
  });
});

describe("the chunks of a recording", () => {
  test("are fetched one by one for what is wanted, and only ahead of what is shown", () => {
    const asked = [];
    const source = { start: (listener) => (source.listener = listener), request: (...chunk) => asked.push(chunk) };
    const store = new EpisodeStore(source);
    const table = new ChunkTable();
    for (let chunk = 0; chunk < 4; chunk++) table.add(10 * chunk, 10, 0);
    source.listener.onOutline({ table, schema: [], overview: {} });
    store.want(15);
    assert.deepEqual(asked, [[1, { urgent: true }]]);
    store.fetchAhead(15);
    assert.deepEqual(asked.slice(1), [[2], [3]]);
  });
});

describe("a link", () => {
  const place = (path) => readPlace(new URL(path, "http://localhost"));

  test("holds all of a place, and gives it back", () => {
    const whole = {
      page: "player",
      runId: "a/b ?",
      episodeId: 7,
      live: false,
      lane: null,
      step: 37,
      marker: null,
      speed: 2,
      autoplay: false,
      selection: [120, 180],
      loops: false,
      skipsDull: true,
      agent: "red 0&1",
      compared: { runId: "a/b ?", episodeId: 9 },
      align: "divergence",
      panels: ["grid", "q"],
      embed: true,
      theme: "light",
      list: WHOLE_LIST,
    };
    assert.deepEqual(place(linkTo(whole)), whole);
  });

  test("holds what the list shows, and gives it back", () => {
    const list = {
      stage: "2",
      status: "complete",
      reason: "stage_*_first_*",
      least: -1.5,
      most: 0,
      range: [10, 10],
      sort: "-reward",
      measure: "steps",
      over: ["b&c", "d"],
    };
    assert.deepEqual(place(linkTo({ page: "browser", runId: "a", list })).list, list);
    const odd = "/?run=a&sort=__proto__&measure=toString&stage=x&min_return=&episodes=9..3";
    assert.deepEqual(place(odd).list, WHOLE_LIST);
  });

  test("leads to one lane, and to all lanes of a run", () => {
    assert.equal(linkTo({ page: "player", runId: "r", episodeId: null, live: true, lane: 0 }), "/?follow=r&lane=0");
    assert.equal(place("/?follow=r&lane=3").lane, 3);
    assert.equal(linkTo({ page: "wall", runId: "a/b ?" }), "/?wall=a%2Fb+%3F");
    const { page, runId, episodeId } = place("/?wall=a%2Fb+%3F");
    assert.deepEqual([page, runId, episodeId], ["wall", "a/b ?", null]);
  });

  test("names a marker, known panels, and a loop over all", () => {
    const { marker, panels, loops, embed } = place("/?episode=5&marker=3&panels=grid,<b>,q&loop=1");
    assert.deepEqual([marker, panels, loops, embed], [3, ["grid", "q"], true, false]);
    assert.equal(place("/?episode=5&marker=-1&panels=all&embed=yes").marker, null);
    assert.equal(place("/?episode=5&panels=all").panels, null);
    assert.match(linkTo({ page: "player", runId: "r", episodeId: 5, loops: true }), /[?]loop=1$/);
  });

  test("is read from a query string, and in seconds", () => {
    assert.equal(place("/?episode=5&t=9").episodeId, 5);
    assert.equal(place("/?episode=5&t=9").step, 9);
    assert.equal(place("/?episode=5&t=1:02").step, 310);
    assert.equal(place("/?episode=5&t=12.5s").step, 63);
    assert.equal(place("/?episode=5&t=<b>").step, null);
  });

  test("asks for a speed within the protocol's bounds", () => {
    const speeds = ["1e300", "Infinity", "200", "2.5", "0.001", "0", "-1", "fast"];
    const asked = speeds.map((speed) => place(`/?episode=5&speed=${speed}`).speed);
    assert.deepEqual(asked, [200, 200, 200, 2.5, 0.05, null, null, null]);
  });

  test("to an episode of any run names no run", () => {
    const link = linkTo({ ...place("/?episode=99999"), step: 3 });
    assert.equal(link, "/?episode=99999&t=3");
    assert.deepEqual([place(link).runId, place(link).episodeId], [null, 99999]);
  });

  test("that can't be decoded is the browser's", () => {
    assert.equal(place("/runs/%E0%A4%A/episodes/5").page, "browser");
  });

  test("names runs that would break a path", () => {
    for (const runId of ["", "..", "~x", "50%", "ü/#?"])
      assert.equal(place(linkTo({ page: "player", runId, episodeId: 1 })).runId, runId);
  });

  test("to nothing in particular is the browser's", () => {
    assert.equal(place("/").page, "browser");
    assert.equal(place("/?follow=demo").page, "player");
    assert.equal(place("/?follow=demo").episodeId, null);
  });
});
