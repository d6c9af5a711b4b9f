"""The step stream on Redis or Valkey 6.2 or later.

Uses no consumer groups, MAXLEN or scripts: the sender chooses places, and the catalog stores cursors.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgpack

from recorder.redis_server.client import Purpose, call_if_allowed, redact, translate_errors
from recorder.step_stream.ends import FINISHED_FIELD
from recorder.step_stream.entries import HEADER, FinishedEntry, Flush, Play
from recorder.step_stream.reading import (
    UnreadableError,
    read_finished_body,
    read_producer,
    read_run_id,
    unpack_value,
)
from recorder.step_stream.redis_episodes import LAST_SEQUENCE, RedisEpisodes, open_member
from recorder.step_stream.redis_ledger import RedisLedger, pack_tally, read_tally, tally_fields
from recorder.step_stream.redis_upkeep import RedisUpkeep
from recorder.step_stream.run_info import (
    MISSED_HEARTBEATS_SECS,
    MissedHeartbeats,
    RunInfo,
    ServerMemory,
    age_secs,
    pack_missed_heartbeats,
    unpack_missed_heartbeats,
)

__all__ = ["RedisStepStream"]

_PRODUCER_FIELD = b"producer:"
_ALREADY_SENT = "equal or smaller than the target stream top item"
_TALLY_SECS = 7 * 86_400
"""Lifetime of a run's tallies after ``forget_run``."""
_LAST_PLACE = f"{LAST_SEQUENCE}-{LAST_SEQUENCE}"


class RedisStepStream(RedisEpisodes, RedisLedger, RedisUpkeep):
    """Can be shared between threads, used after a fork, and pickled (password included) for other processes of this
    machine, which connect anew.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        key_prefix: start of every key, so that several installations can share a server.
        purpose: user of the connections.
        socket_timeout_secs: longest wait for an answer.

    Raises:
        SettingsError: the URL is invalid. Nothing is connected yet.
    """

    is_remote = True

    def __init__(
        self, url: str, *, key_prefix: str = "hamlet:", purpose: Purpose = "worker", socket_timeout_secs: float = 2.0
    ) -> None:
        super().__init__(url, key_prefix=key_prefix, purpose=purpose, socket_timeout_secs=socket_timeout_secs)
        self.where = redact(url)
        self.owner_key = f"{key_prefix}installation"
        self._copy = partial(
            RedisStepStream, url, key_prefix=key_prefix, purpose=purpose, socket_timeout_secs=socket_timeout_secs
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Unpickle with a new connection."""
        return self._copy, ()

    def owner(self) -> bytes | None:
        held: bytes | None = self._run({self.owner_key: "string"}, lambda: self._redis.get(self.owner_key), empty=None)
        return held

    def set_owner(self, owner: bytes, *, replace: bool) -> bool:
        with translate_errors(self.url):
            return bool(self._redis.set(self.owner_key, owner, nx=not replace))

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        episodes = self.key("episode", run_id, "")
        expected = {f"{episodes}{entry.play.episode_id}": "stream" for entry in flush.entries}
        expected |= {self.key("finished", run_id): "stream", self.key("open", run_id): "zset"}
        expected[self.key("tally", run_id)] = "hash"
        gone: list[Play] = self._run(expected, lambda: self._send(run_id, flush), empty=[])
        if flush.dropped:
            self.drop_plays(run_id, flush.dropped)
        return gone

    def _send(self, run_id: str, flush: Flush) -> list[Play]:
        open_key, episodes = self.key("open", run_id), self.key("episode", run_id, "")
        with self._redis.pipeline(transaction=True) as pipe:
            # As ``pipe.xadd`` would: its checks of each argument take a good part of a flush of thousands.
            add = pipe.execute_command
            for entry in flush.entries:
                play = entry.play
                key, entry_id = f"{episodes}{play.episode_id}", f"{play.play_id}-{entry.sequence}"
                if entry.kind == HEADER:
                    add("XADD", key, entry_id, entry.kind, entry.data)
                else:
                    add("XADD", key, "NOMKSTREAM", entry_id, entry.kind, entry.data)
            for body in flush.finished:
                pipe.xadd(self.key("finished", run_id), {FINISHED_FIELD: body})
            if flush.active:
                pipe.zadd(open_key, {open_member(play): at for play, at in flush.active.items()})
            if flush.closed:
                pipe.zrem(open_key, *map(open_member, flush.closed))
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
                if isinstance(reply, Exception) and _ALREADY_SENT not in str(reply):
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

        def write() -> None:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(run_key, mapping=fields)
                pipe.zadd(runs_key, {run_id: now})
                pipe.execute()

        self._run({run_key: "hash", runs_key: "zset"}, write, empty=None)

    def server_memory(self) -> ServerMemory:
        with self._redis.pipeline(transaction=False) as pipe:
            reply = call_if_allowed(self.url, pipe.info("memory").info("server").execute)
        if reply is None:
            return ServerMemory(0, None, "")
        memory, server = reply
        return ServerMemory(int(memory["used_memory"]), int(memory.get("maxmemory", 0)) or None, str(server["run_id"]))

    def runs(self) -> list[tuple[str, float]]:
        key = f"{self._prefix}runs"
        pairs: Any = self._run({key: "zset"}, lambda: self._redis.zrevrange(key, 0, -1, withscores=True), empty=[])
        found = []
        for member, score in pairs:
            try:
                found.append((read_run_id(member), float(score)))
            except UnreadableError as why:
                self._aside.note(f"runs: {member!r}", str(why))
                if self._aside.may_write:  # else every reader would find it again
                    with translate_errors(self.url):
                        self._redis.zrem(key, member)
        return found

    def run_info(self, run_id: str) -> RunInfo:
        run_key, missed_heartbeats_key, runs_key = (
            self.key("run", run_id),
            self.key("missed_heartbeats", run_id),
            f"{self._prefix}runs",
        )

        def read() -> Any:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hgetall(run_key).get(missed_heartbeats_key).pttl(missed_heartbeats_key).zscore(runs_key, run_id)
                return pipe.execute()

        expected = {run_key: "hash", missed_heartbeats_key: "string", runs_key: "zset"}
        reply: Any = self._run(expected, read, empty=({}, None, -1, None))
        fields, packed_missed_heartbeats, millis_left, score = reply
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
        checked_secs_ago = age_secs(millis_left) if missed_heartbeats else None
        return RunInfo(run_id, float(score or 0.0), info, producers, missed_heartbeats, checked_secs_ago)

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
            return []  # the last possible place; Redis would refuse the command
        found = []
        for row, fields in self._read_entries(key, after=after, limit=limit):
            entry_id = row.decode()
            try:
                found.append(FinishedEntry(entry_id, read_finished_body(fields)))
            except UnreadableError as why:
                self._aside.note(f"ends of run {run_id!r}: entry {entry_id}", str(why))
                found.append(FinishedEntry(entry_id, {}, problem=str(why)))
        return found

    def trim_finished(self, run_id: str, *, through: str) -> None:
        key = self.key("finished", run_id)
        if through == _LAST_PLACE:
            # An entry of another program has used up all places; delete it, so that entries can be added.
            with translate_errors(self.url):
                self._redis.unlink(key)
            return
        self._run(
            {key: "stream"}, lambda: self._redis.xtrim(key, minid=_place_after(through), approximate=False), empty=None
        )

    def forget_run(self, run_id: str) -> None:
        key = f"{self._prefix}runs"

        def forget() -> None:
            self._redis.unlink(
                *(self.key(kind, run_id) for kind in ("run", "open", "missed_heartbeats", "refused", "finished"))
            )
            # The tally stays for a while: a sender that was suspended would count all its steps as lost.
            self._redis.expire(self.key("tally", run_id), _TALLY_SECS)
            self._redis.zrem(key, run_id)

        self._run({key: "zset"}, forget, empty=None)

    def close(self) -> None:
        self._redis.close()


def _place_after(place: str) -> str:
    play_id, _, sequence = place.partition("-")
    if int(sequence or 0) < LAST_SEQUENCE:
        return f"{play_id}-{int(sequence or 0) + 1}"
    return f"{int(play_id) + 1}-0"
