"""What only a real server has: keys under their names, its own refusals, other programs, forks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import redis

from recorder.errors import StreamUnavailableError
from recorder.redis_server.client import make_client
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import FIRST_CURSOR, UNKNOWN, Flush, MissedHeartbeats, OpenPlay, Play, RedisStepStream
from tests.processes import run_python
from tests.step_stream.entries import LATER_PLAY, PLAY, RUN, chunk, finished, header, send_play
from tests.waiting import wait_until


@pytest.fixture
def small_server(tmp_path: Path) -> Iterator[tuple[redis.Redis, RedisStepStream]]:
    """A separate Redis, whose settings a test may change: a client and a stream."""
    with EmbeddedServer(tmp_path / "server") as server:
        client, stream = make_client(server.url, purpose="worker"), RedisStepStream(server.url)
        yield client, stream
        stream.close()
        client.close()


def test_the_keys_are_those_of_the_architecture_page(redis_stream: RedisStepStream, redis_client: redis.Redis) -> None:
    redis_stream.beat("my run", "p1", {"n": 1}, info={"config": 2}, now=5.5)
    redis_stream.send(
        "my run", Flush([header(), chunk()], [finished(kind="end")], active={PLAY: 6.5, Play(8, 1001): 7.5}, closed=[])
    )
    redis_stream.try_lock("tick", secs=60)
    redis_stream.note_missed_heartbeats("my run", {"p1": MissedHeartbeats(5.5, 0)})
    assert sorted(redis_client.keys()) == [
        b"hamlet:episode:{my run}:7",
        b"hamlet:finished:{my run}",
        b"hamlet:lock:tick",
        b"hamlet:missed_heartbeats:{my run}",
        b"hamlet:open:{my run}",
        b"hamlet:run:{my run}",
        b"hamlet:runs",
    ]
    assert redis_client.zrange("hamlet:runs", 0, -1, withscores=True) == [(b"my run", 5.5)]
    assert 0 < redis_client.ttl("hamlet:missed_heartbeats:{my run}") <= 3600
    assert sorted(redis_client.hgetall("hamlet:run:{my run}")) == [b"config", b"producer:p1"]
    assert redis_client.zrange("hamlet:open:{my run}", 0, -1, withscores=True) == [(b"7:1000", 6.5), (b"8:1001", 7.5)]
    assert redis_client.xrange("hamlet:episode:{my run}:7") == [
        (b"1000-1", {b"h": b"header"}),
        (b"1000-2", {b"c": b"chunk 2"}),
    ]
    assert [fields for _, fields in redis_client.xrange("hamlet:finished:{my run}")] == [{b"f": finished(kind="end")}]


@pytest.mark.parametrize("value", [b"", b"no msgpack", b"\x81\xa2p1\x01", b"\x81\xa2p1\x92\xa1a\xa1b", b"\x05"])
def test_foreign_notes_on_silent_trainers_are_ignored(
    redis_stream: RedisStepStream, redis_client: redis.Redis, value: bytes
) -> None:
    redis_client.set(redis_stream.key("missed_heartbeats", RUN), value)
    assert redis_stream.run_info(RUN).missed_heartbeats == {}


def test_braces_in_a_run_id_do_not_change_its_shard(redis_stream: RedisStepStream) -> None:
    assert redis_stream.key("episode", "a{b}c%", 7) == "hamlet:episode:{a%7Bb%7Dc%25}:7"
    assert redis_stream.key("open", "ü") == "hamlet:open:{%C3%BC}"


def test_two_installations_share_a_redis_with_two_prefixes(redis_url: str, redis_client: redis.Redis) -> None:
    one, other = (RedisStepStream(redis_url, key_prefix=prefix) for prefix in ("one:", "two:"))
    one.beat(RUN, "p", {}, info=None, now=1.0)
    entries = send_play(one)
    assert other.runs() == []
    assert other.episodes_held(RUN) == []
    assert one.read_plays(RUN, [PLAY]) == [entries]
    assert all(key.startswith(b"one:") for key in redis_client.scan_iter())
    one.close()
    other.close()


def test_a_full_redis_refuses_a_flush_as_a_whole_and_accepts_it_later(
    small_server: tuple[redis.Redis, RedisStepStream],
) -> None:
    client, stream = small_server
    flush = Flush([header(), chunk(data=bytes(100_000))], [finished(kind="end")], active={PLAY: 1.0})
    client.config_set("maxmemory", 1)
    with pytest.raises(StreamUnavailableError, match="the server is full"):
        stream.send(RUN, flush)
    assert client.keys() == []
    assert stream.server_memory().limit_bytes == 1
    client.config_set("maxmemory", 0)
    assert stream.server_memory().limit_bytes is None
    assert stream.send(RUN, flush) == []
    assert len(stream.read_plays(RUN, [PLAY])[0]) == 2
    assert len(stream.read_finished(RUN, after=FIRST_CURSOR, limit=9)) == 1


def test_a_full_redis_still_allows_drop_and_trim(small_server: tuple[redis.Redis, RedisStepStream]) -> None:
    client, stream = small_server
    send_play(stream)
    send_play(stream, LATER_PLAY)
    stream.send(RUN, Flush(finished=[finished(n=1)]))
    client.config_set("maxmemory", 1)
    stream.drop_plays(RUN, [PLAY])
    stream.trim_finished(RUN, through=stream.read_finished(RUN, after=FIRST_CURSOR, limit=1)[0].entry_id)
    stream.drop_plays(RUN, [LATER_PLAY])
    assert stream.episodes_held(RUN) == []


def test_a_restarted_redis_has_another_id(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with EmbeddedServer(tmp_path) as server:
            stream = RedisStepStream(server.url)
            seen.append(stream.server_memory().server_id)
            stream.close()
    assert len(set(seen)) == 2


def test_an_unreachable_redis_makes_every_method_unavailable(tmp_path: Path) -> None:
    stream = RedisStepStream(f"unix://{tmp_path / 'nobody'}")
    for call in (
        lambda: stream.send(RUN, Flush([header()])),
        lambda: stream.beat(RUN, "p", {}, info=None, now=1.0),
        stream.server_memory,
        stream.runs,
        lambda: stream.run_info(RUN),
        lambda: stream.read_finished(RUN, after=FIRST_CURSOR, limit=1),
        lambda: stream.trim_finished(RUN, through="1-0"),
        lambda: stream.read_plays(RUN, [PLAY]),
        lambda: stream.drop_plays(RUN, [PLAY]),
        lambda: stream.open_plays(RUN),
        lambda: stream.episodes_held(RUN),
        lambda: stream.forget_run(RUN),
        lambda: stream.try_lock("x", secs=1),
        lambda: stream.read_episode(RUN, 7),
    ):
        with pytest.raises(StreamUnavailableError):
            call()
    stream.close()


@pytest.mark.parametrize("fields", [{"x": b"1"}, {"h": b"1", "c": b"2"}, {"header": b"1"}])
def test_an_entry_of_an_unknown_kind_hides_no_other(
    redis_stream: RedisStepStream, redis_client: redis.Redis, fields: dict[bytes, bytes]
) -> None:
    redis_client.xadd(redis_stream.key("episode", RUN, 7), fields, id="1000-1")  # type: ignore[arg-type]
    ours = send_play(redis_stream, Play(8, 1000))
    (foreign,), others = redis_stream.read_plays(RUN, [PLAY, Play(8, 1000)])
    assert (foreign.kind, foreign.entry_id) == (UNKNOWN, "1000-1")
    assert b"another program writes to these keys" in foreign.data
    assert redis_stream.read_episode(RUN, 7) == [foreign]
    assert others == ours


def test_an_end_without_the_expected_field_hides_no_other(
    redis_stream: RedisStepStream, redis_client: redis.Redis
) -> None:
    for fields in ({"g": b"1"}, {"f": b"\xc1"}, {"f": msgpack.packb([1])}, {"f": b"x" * (8 * 2**20 + 1)}):
        redis_client.xadd(redis_stream.key("finished", RUN), fields)  # type: ignore[arg-type]
    redis_stream.send(RUN, Flush(finished=[finished(n=1)]))
    for _ in range(2):
        *foreign, ours = redis_stream.read_finished(RUN, after=FIRST_CURSOR, limit=9)
        assert (ours.body, ours.problem) == ({"n": 1}, "")
        assert [entry.body for entry in foreign] == [{}] * 4
    named = redis_stream.set_aside()
    assert named == {f"ends of run {RUN!r}: entry {entry.entry_id}": entry.problem for entry in foreign}
    problems = [entry.problem for entry in foreign]
    assert "the field f" in problems[0]
    assert "not msgpack" in problems[1]
    assert "a map" in problems[2]
    assert "bytes; the limit is" in problems[3]


def test_an_episode_of_a_size_that_no_trainer_sends_is_named_and_not_read(
    redis_stream: RedisStepStream, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.step_stream.redis_episodes._MAX_STREAM_BYTES", 2**20)
    key = redis_stream.key("episode", RUN, 7)
    redis_client.xadd(key, {"h": b"header"}, id="1000-1")
    redis_client.xadd(key, {"c": b"x" * 2**21}, id="1000-2")
    ours = send_play(redis_stream, Play(8, 1000))
    n_before = int(redis_client.info("stats")["total_net_output_bytes"])
    (foreign,), others = redis_stream.read_plays(RUN, [PLAY, Play(8, 1000)])
    named, first = redis_stream.read_headers(RUN, [PLAY, Play(8, 1000)])
    assert int(redis_client.info("stats")["total_net_output_bytes"]) - n_before < 2**20
    assert foreign == named
    assert foreign.kind == UNKNOWN
    assert b"bytes of Redis; the limit is 1048576" in foreign.data
    assert (others, first) == (ours, ours[0])


def test_entries_of_a_large_stream_are_read_one_by_one_and_an_oversized_one_is_named(
    redis_stream: RedisStepStream, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = send_play(redis_stream, PLAY)
    key = redis_stream.key("episode", RUN, 7)
    redis_client.xadd(key, {"c": b"x" * 2**20}, id=f"1000-{len(ours) + 1}")
    for module in ("redis_connection", "redis_episodes"):
        monkeypatch.setattr(f"recorder.step_stream.{module}.LARGE_BYTES", 2**19)
    monkeypatch.setattr("recorder.step_stream.reading._MAX_ENTRY_BYTES", 2**18)
    calls = int(redis_client.info("commandstats")["cmdstat_xrange"]["calls"])
    (found,) = redis_stream.read_plays(RUN, [PLAY])
    assert int(redis_client.info("commandstats")["cmdstat_xrange"]["calls"]) - calls == len(found) + 1
    assert found[:-1] == ours
    assert found[-1].kind == UNKNOWN
    assert found[-1].data.startswith(b"expected at most 262144 bytes, found 1048577")
    assert redis_stream.read_episode(RUN, 7) == found
    monkeypatch.setattr("recorder.step_stream.redis_connection._ENOUGH_BYTES", 1)
    assert redis_stream.read_episode(RUN, 7, limit=9) == found[:1]


def test_many_large_streams_are_read_in_turn(
    redis_stream: RedisStepStream, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recorder.step_stream.redis_connection.LARGE_BYTES", 2**19)
    plays = [Play(episode_id, 1000) for episode_id in range(6)]
    for play in plays:
        redis_client.xadd(redis_stream.key("episode", RUN, play.episode_id), {"x": b"x" * 2**18}, id="1000-1")
    sizes: list[int] = []

    def executed(pipe: Any, *args: Any, **options: Any) -> Any:
        replies = execute(pipe, *args, **options)
        sizes.append(sum(len(reply[0][1][1]) for reply in replies if isinstance(reply, list) and reply))
        return replies

    execute = redis.client.Pipeline.execute
    monkeypatch.setattr(redis.client.Pipeline, "execute", executed)
    assert [entries[0].kind for entries in redis_stream.read_plays(RUN, plays)] == [UNKNOWN] * 6
    assert [entry.kind for entry in redis_stream.read_headers(RUN, plays) if entry] == [UNKNOWN] * 6
    assert sorted(play.episode_id for play in redis_stream.scan_episodes(0)[1][RUN]) == list(range(6))
    assert max(sizes) <= 2**19
    assert sum(sizes) == 3 * 6 * 2**18


def test_foreign_members_among_open_plays_are_skipped(redis_stream: RedisStepStream, redis_client: redis.Redis) -> None:
    redis_stream.send(RUN, Flush([header()], active={PLAY: 6.5}))
    foreign = {"seven": 1.0, b"\xff:1": 2.0, f"7:{2**64}": 3.0, "7:-1": 4.0, "8:1": float("inf")}
    redis_client.zadd(redis_stream.key("open", RUN), foreign)
    assert redis_stream.open_plays(RUN) == [OpenPlay(PLAY, 6.5)]
    assert len(redis_stream.set_aside()) == len(foreign)


def test_foreign_members_among_heartbeats_are_skipped(redis_stream: RedisStepStream, redis_client: redis.Redis) -> None:
    redis_stream.beat(RUN, "p1", {"n_chunks": 1}, info={"config": {"a": 1}}, now=5.0)
    foreign = {
        "other": b"\xc1", b"\xff": msgpack.packb(1), "large": bytes(5 * 2**20), "producer:list": msgpack.packb([1]),
        b"producer:\xfe": msgpack.packb({}), "producer:text": msgpack.packb({"n_chunks": "many"}),
        "producer:nan": msgpack.packb({"heartbeat": float("nan")}),
    }  # fmt: skip
    redis_client.hset(redis_stream.key("run", RUN), mapping=foreign)
    info = redis_stream.run_info(RUN)
    assert info.info == {"config": {"a": 1}}
    assert info.producers == {"p1": {"n_chunks": 1, "heartbeat": 5.0}}
    assert len(redis_stream.set_aside()) == len(foreign)


def test_invalid_run_ids_are_removed_from_the_list_and_named(
    redis_stream: RedisStepStream, redis_client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    redis_stream.beat(RUN, "p1", {}, info=None, now=5.0)
    foreign = [b"\xff\xfe", b"", b"a\0b", b"x" * 3000]
    redis_client.zadd("hamlet:runs", dict.fromkeys(foreign, 9.0))
    for _ in range(2):
        assert redis_stream.runs() == [(RUN, 5.0)]
    assert redis_client.zcard("hamlet:runs") == 1
    assert len(redis_stream.set_aside()) == len(caplog.records) == len(foreign)
    assert redis_stream.set_aside()["runs: b'\\xff\\xfe'"] == "not valid UTF-8"


@pytest.mark.parametrize("kind", ["string", "list", "hash", "set"])
def test_a_key_of_the_wrong_type_is_renamed_and_work_continues(
    redis_stream: RedisStepStream, redis_client: redis.Redis, kind: str
) -> None:
    make = {
        "string": lambda key: redis_client.set(key, b"x"),
        "list": lambda key: redis_client.rpush(key, b"x"),
        "hash": lambda key: redis_client.hset(key, "a", b"x"),
        "set": lambda key: redis_client.sadd(key, b"x"),
    }[kind]
    names = [
        "runs",
        *(f"{name}:{{{RUN}}}" for name in ("run", "open", "finished", "missed_heartbeats")),
        f"episode:{{{RUN}}}:7",
    ]
    foreign = [name for name in names if (kind, name) not in {("hash", names[1]), ("string", names[4])}]

    def spoil() -> None:
        for name in foreign:
            redis_client.delete(f"hamlet:{name}")
            make(f"hamlet:{name}")

    spoil()
    reader = RedisStepStream(redis_stream.url, purpose="server")
    assert (reader.runs(), reader.open_plays(RUN), reader.read_episode(RUN, 7)) == ([], [], [])
    assert reader.run_info(RUN).producers == {}
    assert redis_client.type("hamlet:runs").decode() == kind  # who only looks changes nothing
    assert "runs" in reader.set_aside()
    reader.close()
    for use in (
        redis_stream.runs,
        lambda: redis_stream.run_info(RUN),
        lambda: redis_stream.open_plays(RUN),
        lambda: redis_stream.count_open_plays(RUN),
        lambda: redis_stream.read_finished(RUN, after=FIRST_CURSOR, limit=9),
        lambda: redis_stream.trim_finished(RUN, through="5-0"),
        lambda: redis_stream.read_plays(RUN, [PLAY]),
        lambda: redis_stream.read_headers(RUN, [PLAY]),
        lambda: redis_stream.drop_plays(RUN, [PLAY]),
        lambda: redis_stream.forget_run(RUN),
        lambda: redis_stream.beat(RUN, "p1", {}, info=None, now=1.0),
    ):
        spoil()
        use()  # type: ignore[no-untyped-call]
    spoil()
    redis_stream.send(RUN, Flush([header(), chunk()], [finished(kind="end")], active={PLAY: 1.0}))
    redis_stream.beat(RUN, "p1", {}, info=None, now=5.0)
    assert redis_stream.runs() == [(RUN, 5.0)]
    assert [it.play for it in redis_stream.open_plays(RUN)] == [PLAY]
    assert [entry.sequence for entry in redis_stream.read_plays(RUN, [PLAY])[0]] == [1, 2]
    assert {name for name in names if redis_client.exists(f"hamlet:set-aside:{name}")} == set(foreign)
    assert set(foreign) <= set(redis_stream.set_aside())


@pytest.mark.parametrize("make", ["string", "list", "long"])
def test_a_foreign_lock_without_expiry_ends(
    redis_stream: RedisStepStream, redis_client: redis.Redis, make: str
) -> None:
    if make == "list":
        redis_client.rpush("hamlet:lock:tick", "x")
    else:
        redis_client.set("hamlet:lock:tick", "x", ex=10**6 if make == "long" else None)
    wait_until(lambda: redis_stream.try_lock("tick", secs=0.02), message="the end of the lock")


def test_an_end_with_the_highest_stream_id_leaves_room_for_others(
    redis_stream: RedisStepStream, redis_client: redis.Redis
) -> None:
    redis_client.xadd(redis_stream.key("finished", RUN), {"f": b"x"}, id=f"{2**64 - 1}-{2**64 - 1}")
    (entry,) = redis_stream.read_finished(RUN, after=FIRST_CURSOR, limit=9)
    assert redis_stream.read_finished(RUN, after=entry.entry_id, limit=9) == []
    redis_stream.trim_finished(RUN, through=entry.entry_id)
    redis_stream.send(RUN, Flush(finished=[finished(n=1)]))
    assert [entry.body for entry in redis_stream.read_finished(RUN, after=FIRST_CURSOR, limit=9)] == [{"n": 1}]


def test_foreign_keys_are_not_episodes(redis_stream: RedisStepStream, redis_client: redis.Redis) -> None:
    send_play(redis_stream)
    redis_client.xadd("hamlet:episode:{run}:7:more", {"x": b"1"})
    redis_client.set("hamlet:episode:{run}:8", b"1")
    assert redis_stream.episodes_held(RUN) == [7]


FORKED = """
import os, sys
from recorder.step_stream import Flush, HEADER, Outgoing, Play, RedisStepStream
stream = RedisStepStream(sys.argv[1])
def put(number):
    for i in range(50):
        stream.send("run", Flush([Outgoing(Play(number * 100 + i, 5), 1, HEADER, b"%d" % number)]))
put(0)
children = []
for number in (1, 2):
    pid = os.fork()
    if pid == 0:
        try:
            put(number)
        except BaseException:
            os._exit(1)
        os._exit(0)
    children.append(pid)
put(3)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forks_use_separate_connections(redis_url: str, redis_stream: RedisStepStream) -> None:
    status, output = run_python(["-c", FORKED, redis_url])
    assert status == 0, output
    plays = [Play(number * 100 + i, 5) for number in range(4) for i in range(50)]
    read = redis_stream.read_plays(RUN, plays)
    assert [[entry.data for entry in entries] for entries in read] == [
        [b"%d" % (play.episode_id // 100)] for play in plays
    ]
