"""The step stream on Redis or Valkey, with commands of the 6.2 level.

No consumer groups, no MAXLEN, no scripts: places are chosen by the sender, cursors are kept in the catalog.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgpack
import redis

from recorder.redis_server.client import Purpose, ask_if_allowed, redact, translate_errors
from recorder.step_stream.base import (
    FIRST_CURSOR,
    HEADER,
    FinishedEntry,
    Flush,
    MissedHeartbeats,
    OpenPlay,
    Play,
    RunInfo,
    ServerMemory,
    StreamEntry,
)
from recorder.step_stream.ends import unpack_body
from recorder.step_stream.missed_heartbeats import (
    MISSED_HEARTBEATS_SECS,
    noted_secs_ago,
    pack_missed_heartbeats,
    unpack_missed_heartbeats,
)
from recorder.step_stream.reading import (
    UnreadableError,
    read_entry,
    read_open_play,
    read_producer,
    read_run_id,
    unpack_value,
)
from recorder.step_stream.redis_ledger import RedisLedger, pack_tally, read_tally, tally_fields
from recorder.step_stream.redis_upkeep import RedisUpkeep

__all__ = ["RedisStepStream"]

_PRODUCER_FIELD = b"producer:"
_FINISHED_FIELD = b"f"
_REFUSED_AS_KNOWN = "equal or smaller than the target stream top item"
_READ_ENTRIES = 64
"""Entries asked for at a time: about one MiB of chunks in one reply."""
_LAST_SEQUENCE = 2**64 - 1
_TALLY_SECS = 7 * 86_400
"""How long the counts of a run stay when the rest of it is forgotten."""
_DROP_PLAYS = 256
"""Plays dropped, and headers read, at a time: these come in one reply, a few kB each."""
_LAST_PLACE = f"{_LAST_SEQUENCE}-{_LAST_SEQUENCE}"
_MAX_PLAY_BYTES = 2**30
"""Of one play that are read; twice the largest recording that can be opened."""


class RedisStepStream(RedisLedger, RedisUpkeep):
    """Episodes as streams on a server; safe to share between threads, to carry over a fork, and to be pickled for another
    process on this machine, password and all (each process connects anew).

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        key_prefix: stands before every key, so that several installations can share a server.
        purpose: who connects.
        socket_timeout_secs: longest wait for an answer.

    Raises:
        SettingsError: the URL can't work. (Nothing is connected yet.)
    """

    is_remote = True

    def __init__(
        self, url: str, *, key_prefix: str = "hamlet:", purpose: Purpose = "worker", socket_timeout_secs: float = 2.0
    ) -> None:
        super().__init__(url, key_prefix=key_prefix, purpose=purpose, socket_timeout_secs=socket_timeout_secs)
        self.where = redact(url)
        self.owner_key = f"{key_prefix}installation"
        self._again = partial(
            RedisStepStream, url, key_prefix=key_prefix, purpose=purpose, socket_timeout_secs=socket_timeout_secs
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process connects anew."""
        return self._again, ()

    def owner(self) -> bytes | None:
        held: bytes | None = self._ask({self.owner_key: "string"}, lambda: self._redis.get(self.owner_key), empty=None)
        return held

    def set_owner(self, owner: bytes, *, replace: bool) -> bool:
        with translate_errors(self.url):
            return bool(self._redis.set(self.owner_key, owner, nx=not replace))

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        episodes = self.key("episode", run_id, "")
        expected = {f"{episodes}{entry.play.episode_id}": "stream" for entry in flush.entries}
        expected |= {self.key("finished", run_id): "stream", self.key("open", run_id): "zset"}
        expected[self.key("tally", run_id)] = "hash"
        gone: list[Play] = self._ask(expected, lambda: self._send(run_id, flush), empty=[])
        if flush.dropped:
            self.drop_plays(run_id, flush.dropped)
        return gone

    def _send(self, run_id: str, flush: Flush) -> list[Play]:
        open_key = self.key("open", run_id)
        with self._redis.pipeline(transaction=True) as pipe:
            for entry in flush.entries:
                play = entry.play
                pipe.xadd(
                    self.key("episode", run_id, play.episode_id),
                    {entry.kind: entry.data},
                    id=f"{play.play_id}-{entry.sequence}",
                    nomkstream=entry.kind != HEADER,
                )
            for body in flush.finished:
                pipe.xadd(self.key("finished", run_id), {_FINISHED_FIELD: body})
            if flush.active:
                pipe.zadd(open_key, {_member(play): at for play, at in flush.active.items()})
            if flush.closed:
                pipe.zrem(open_key, *map(_member, flush.closed))
            if flush.tally is not None:
                tally, key = flush.tally, self.key("tally", run_id)
                pipe.hmget(key, tally_fields(tally.producer_id))
                pipe.hset(key, tally_fields(tally.producer_id)[tally.slot], pack_tally(tally))
            replies = pipe.execute(raise_on_error=False)
            gone: dict[Play, None] = {}
            for entry, reply in zip(flush.entries, replies, strict=False):
                if reply is None:
                    gone[entry.play] = None
            for reply in replies:
                if isinstance(reply, Exception) and _REFUSED_AS_KNOWN not in str(reply):
                    raise reply
            if flush.tally is not None:
                before = read_tally(flush.tally.producer_id, replies[-2])
                flush.tally = flush.tally.after(before or flush.tally)
        return list(gone)

    def beat(
        self, run_id: str, producer_id: str, state: Mapping[str, Any], *, info: Mapping[str, Any] | None, now: float
    ) -> None:
        fields: dict[str | bytes, bytes] = {f"producer:{producer_id}": msgpack.packb({**state, "heartbeat": now})}
        for name, value in (info or {}).items():
            fields[name] = msgpack.packb(value)
        run_key, runs_key = self.key("run", run_id), f"{self._prefix}runs"

        def say() -> None:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(run_key, mapping=fields)
                pipe.zadd(runs_key, {run_id: now})
                pipe.execute()

        self._ask({run_key: "hash", runs_key: "zset"}, say, empty=None)

    def server_memory(self) -> ServerMemory:
        with self._redis.pipeline(transaction=False) as pipe:
            told = ask_if_allowed(self.url, pipe.info("memory").info("server").execute)
        if told is None:
            return ServerMemory(0, None, "")
        memory, server = told
        return ServerMemory(int(memory["used_memory"]), int(memory.get("maxmemory", 0)) or None, str(server["run_id"]))

    def runs(self) -> list[tuple[str, float]]:
        key = f"{self._prefix}runs"
        pairs: Any = self._ask({key: "zset"}, lambda: self._redis.zrevrange(key, 0, -1, withscores=True), empty=[])
        found = []
        for member, score in pairs:
            try:
                found.append((read_run_id(member), float(score)))
            except UnreadableError as why:
                self._aside.note(f"runs: {member!r}", str(why))
                if self._aside.may_write:  # or everyone would read it each second
                    with translate_errors(self.url):
                        self._redis.zrem(key, member)
        return found

    def run_info(self, run_id: str) -> RunInfo:
        run_key, missed_heartbeats_key, runs_key = (
            self.key("run", run_id),
            self.key("missed_heartbeats", run_id),
            f"{self._prefix}runs",
        )

        def look() -> Any:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hgetall(run_key).get(missed_heartbeats_key).pttl(missed_heartbeats_key).zscore(runs_key, run_id)
                return pipe.execute()

        expected = {run_key: "hash", missed_heartbeats_key: "string", runs_key: "zset"}
        told: Any = self._ask(expected, look, empty=({}, None, -1, None))
        fields, packed_missed_heartbeats, millis_left, score = told
        info: dict[str, Any] = {}
        producers: dict[str, Mapping[str, Any]] = {}
        for name, packed in fields.items():
            try:
                if name.startswith(_PRODUCER_FIELD):
                    producers[name[len(_PRODUCER_FIELD) :].decode()] = read_producer(packed)
                else:
                    info[name.decode()] = unpack_value(packed)
            except (UnreadableError, UnicodeDecodeError) as why:
                self._aside.note(f"run {run_id!r}, field {name!r}", str(why))
        missed_heartbeats = unpack_missed_heartbeats(packed_missed_heartbeats or b"")
        looked_secs_ago = noted_secs_ago(millis_left) if missed_heartbeats else None
        return RunInfo(run_id, float(score or 0.0), info, producers, missed_heartbeats, looked_secs_ago)

    def note_missed_heartbeats(self, run_id: str, missed_heartbeats: Mapping[str, MissedHeartbeats]) -> None:
        with translate_errors(self.url):
            self._redis.set(
                self.key("missed_heartbeats", run_id),
                pack_missed_heartbeats(missed_heartbeats),
                ex=MISSED_HEARTBEATS_SECS,
            )

    def read_finished(self, run_id: str, *, after: str, limit: int) -> list[FinishedEntry]:
        key = self.key("finished", run_id)
        if after == _LAST_PLACE:
            return []  # nothing lies behind it, and the server would not take the question
        rows: Any = self._ask({key: "stream"}, lambda: self._redis.xrange(key, min=f"({after}", count=limit), empty=[])
        return [
            FinishedEntry(entry_id.decode(), unpack_body(fields[1] if fields[0] == _FINISHED_FIELD else b""))
            for entry_id, fields in rows
        ]

    def trim_finished(self, run_id: str, *, through: str) -> None:
        key = self.key("finished", run_id)
        if through == _LAST_PLACE:
            # Another program's entry has used up all places: nothing could ever be added behind it.
            with translate_errors(self.url):
                self._redis.unlink(key)
            return
        self._ask(
            {key: "stream"}, lambda: self._redis.xtrim(key, minid=_place_after(through), approximate=False), empty=None
        )

    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        found: list[list[StreamEntry]] = [[] for _ in plays]
        episodes = self.key("episode", run_id, "")
        keys = [f"{episodes}{play.episode_id}" for play in plays]
        unread = {index: f"{play.play_id}-0" for index, play in enumerate(plays)}
        sizes = [0] * len(plays)

        def read() -> Any:
            with self._redis.pipeline(transaction=False) as pipe:
                for index, start in unread.items():
                    end = f"{plays[index].play_id}-{_LAST_SEQUENCE}"
                    pipe.xrange(keys[index], min=start, max=end, count=_READ_ENTRIES)
                return pipe.execute()

        while unread:
            expected = {keys[index]: "stream" for index in unread}
            replies: Any = self._ask(expected, read, empty=[[]] * len(unread))
            for index, rows in zip(list(unread), replies, strict=True):
                found[index].extend(map(read_entry, rows))
                sizes[index] += sum(len(fields[1]) for _, fields in rows)
                if len(rows) < _READ_ENTRIES or sizes[index] > _MAX_PLAY_BYTES:
                    del unread[index]
                else:
                    unread[index] = f"({rows[-1][0].decode()}"
        return found

    def read_headers(self, run_id: str, plays: Sequence[Play]) -> list[StreamEntry | None]:
        found: list[StreamEntry | None] = []
        for start in range(0, len(plays), _DROP_PLAYS):
            found += self._read_headers(run_id, plays[start : start + _DROP_PLAYS])
        return found

    def _read_headers(self, run_id: str, plays: Sequence[Play]) -> list[StreamEntry | None]:
        keys = [self.key("episode", run_id, play.episode_id) for play in plays]

        def read() -> Any:
            with self._redis.pipeline(transaction=False) as pipe:
                for key, play in zip(keys, plays, strict=True):
                    pipe.xrange(key, min=f"{play.play_id}-0", max=f"{play.play_id}-{_LAST_SEQUENCE}", count=1)
                return pipe.execute()

        replies: Any = self._ask(dict.fromkeys(keys, "stream"), read, empty=[[]] * len(plays))
        return [read_entry(rows[0]) if rows else None for rows in replies]

    def drop_plays(self, run_id: str, plays: Sequence[Play]) -> None:
        episodes = self.key("episode", run_id, "")
        for start in range(0, len(plays), _DROP_PLAYS):
            batch = plays[start : start + _DROP_PLAYS]
            expected = {f"{episodes}{play.episode_id}": "stream" for play in batch}
            expected[self.key("open", run_id)] = "zset"
            self._ask(expected, partial(self._drop, run_id, batch), empty=None)

    def _drop(self, run_id: str, plays: Sequence[Play]) -> None:
        start = self.key("episode", run_id, "")
        alone: dict[bytes, Play] = {}
        shared: list[tuple[Play, bytes]] = []
        for play in plays:
            key = f"{start}{play.episode_id}".encode()
            if alone.setdefault(key, play) is not play:
                shared.append((play, key))
        with self._redis.pipeline(transaction=False) as pipe:
            # Two commands look into all streams: a third of the time of two a stream.
            pipe.xread(dict.fromkeys(alone, FIRST_CURSOR), count=1)
            pipe.xread({key: f"{play.play_id}-{_LAST_SEQUENCE}" for key, play in alone.items()}, count=1)
            first, later = pipe.execute()
            others = {key for key, entries in first if int(entries[0][0].partition(b"-")[0]) < alone[key].play_id}
            shared += [(alone.pop(key), key) for key in others.union(key for key, _ in later)]
            if alone:
                pipe.unlink(*alone)
            pipe.zrem(self.key("open", run_id), *map(_member, plays))
            pipe.execute()
        for play, key in shared:
            self._delete_entries(play, key, through=_LAST_SEQUENCE)

    def trim_play(self, run_id: str, play: Play, *, through: int) -> None:
        key = self.key("episode", run_id, play.episode_id)
        self._ask({key: "stream"}, lambda: self._delete_entries(play, key.encode(), through=through), empty=None)

    def _delete_entries(self, play: Play, key: bytes, *, through: int) -> None:
        """Drop entries of a play one by one, and the stream when none is left."""
        while rows := self._redis.xrange(
            key, min=f"{play.play_id}-0", max=f"{play.play_id}-{through}", count=_READ_ENTRIES
        ):
            self._redis.xdel(key, *(row[0] for row in rows))
        with self._redis.pipeline() as pipe, suppress(redis.WatchError):  # a header may just arrive
            pipe.watch(key)
            if pipe.xlen(key) == 0:
                pipe.multi()
                pipe.unlink(key)
                pipe.execute()

    def open_plays(self, run_id: str) -> list[OpenPlay]:
        key = self.key("open", run_id)
        rows: Any = self._ask({key: "zset"}, lambda: self._redis.zrange(key, 0, -1, withscores=True), empty=[])
        found = []
        for member, score in rows:
            try:
                found.append(read_open_play(member, float(score)))
            except UnreadableError as why:
                self._aside.note(f"open episodes of run {run_id!r}: {member!r}", str(why))
        return found

    def count_open_plays(self, run_id: str) -> int:
        key = self.key("open", run_id)
        return int(self._ask({key: "zset"}, lambda: self._redis.zcard(key), empty=0))

    def forget_run(self, run_id: str) -> None:
        key = f"{self._prefix}runs"

        def forget() -> None:
            self._redis.unlink(
                *(self.key(kind, run_id) for kind in ("run", "open", "missed_heartbeats", "refused", "finished"))
            )
            # A sender that was asleep so long would take it for the loss of all its steps.
            self._redis.expire(self.key("tally", run_id), _TALLY_SECS)
            self._redis.zrem(key, run_id)

        self._ask({key: "zset"}, forget, empty=None)

    def read_episode(
        self, run_id: str, episode_id: int, *, after: str = FIRST_CURSOR, limit: int = 16
    ) -> list[StreamEntry]:
        key = self.key("episode", run_id, episode_id)
        rows: Any = self._ask({key: "stream"}, lambda: self._redis.xrange(key, min=f"({after}", count=limit), empty=[])
        return list(map(read_entry, rows))

    def close(self) -> None:
        self._redis.close()


def _member(play: Play) -> str:
    return f"{play.episode_id}:{play.play_id}"


def _place_after(place: str) -> str:
    play_id, _, sequence = place.partition("-")
    if int(sequence or 0) < _LAST_SEQUENCE:
        return f"{play_id}-{int(sequence or 0) + 1}"
    return f"{int(play_id) + 1}-0"
