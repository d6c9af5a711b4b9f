"""The step stream on Redis or Valkey, with commands of the 6.2 level.

No consumer groups, no MAXLEN, no scripts: places are chosen by the sender, cursors are kept in the catalog.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import quote

import msgpack
import redis

from recorder.errors import StreamCorruptError
from recorder.redis_client import Purpose, ask_if_allowed, make_client, redact, translate_errors
from recorder.step_stream.base import (
    FIRST_CURSOR,
    HEADER,
    FinishedEntry,
    Flush,
    OpenPlay,
    Play,
    RunInfo,
    ServerMemory,
    Silence,
    StreamEntry,
)
from recorder.step_stream.ends import unpack_body
from recorder.step_stream.redis_ledger import RedisLedger, read_tally
from recorder.step_stream.silences import SILENCES_SECS, noted_secs_ago, pack_silences, unpack_silences

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
"""Plays dropped at a time: their headers come in one reply, a few kB each."""


class RedisStepStream(RedisLedger):
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
        self.url = url
        self.where = redact(url)
        self.owner_key = f"{key_prefix}installation"
        self._prefix = key_prefix
        self._again = partial(
            RedisStepStream, url, key_prefix=key_prefix, purpose=purpose, socket_timeout_secs=socket_timeout_secs
        )
        # The driver's types are the union of every protocol's answers; these are checked where they are read.
        self._redis: Any = make_client(url, purpose=purpose, socket_timeout_secs=socket_timeout_secs)
        # As the server sends it, [id, [field, value, …]] an entry: the driver would make a tuple and a map of each.
        self._redis.set_response_callback("XRANGE", lambda rows: rows)

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process connects anew."""
        return self._again, ()

    def key(self, kind: str, run_id: str, *more: object) -> str:
        """``hamlet:episode:{run}:7``; the braces keep all keys of a run on one shard of a cluster."""
        tag = quote(run_id, safe=" !#$&'()*+,/:;=?@[]^`|~<>\"\\")
        return ":".join([f"{self._prefix}{kind}", f"{{{tag}}}", *map(str, more)])

    def owner(self) -> bytes | None:
        with translate_errors(self.url):
            held: bytes | None = self._redis.get(self.owner_key)
        return held

    def set_owner(self, owner: bytes, *, replace: bool) -> bool:
        with translate_errors(self.url):
            return bool(self._redis.set(self.owner_key, owner, nx=not replace))

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        open_key = self.key("open", run_id)
        with translate_errors(self.url), self._redis.pipeline(transaction=True) as pipe:
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
                pipe.hget(key, tally.producer_id)
                pipe.hset(key, tally.producer_id, f"{tally.n_sent} {tally.n_kept}")
            replies = pipe.execute(raise_on_error=False)
            gone: dict[Play, None] = {}
            for entry, reply in zip(flush.entries, replies, strict=False):
                if reply is None:
                    gone[entry.play] = None
            for reply in replies:
                if isinstance(reply, Exception) and _REFUSED_AS_KNOWN not in str(reply):
                    raise reply
            if flush.tally is not None:
                flush.tally.n_before = read_tally(replies[-2])[0]
        if flush.dropped:
            self.drop_plays(run_id, flush.dropped)
        return list(gone)

    def beat(
        self, run_id: str, producer_id: str, state: Mapping[str, Any], *, info: Mapping[str, Any] | None, now: float
    ) -> None:
        fields: dict[str | bytes, bytes] = {f"producer:{producer_id}": msgpack.packb({**state, "heartbeat": now})}
        for name, value in (info or {}).items():
            fields[name] = msgpack.packb(value)
        with translate_errors(self.url), self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(self.key("run", run_id), mapping=fields)
            pipe.zadd(f"{self._prefix}runs", {run_id: now})
            pipe.execute()

    def server_memory(self) -> ServerMemory:
        with self._redis.pipeline(transaction=False) as pipe:
            told = ask_if_allowed(self.url, pipe.info("memory").info("server").execute)
        if told is None:
            return ServerMemory(0, None, "")
        memory, server = told
        return ServerMemory(int(memory["used_memory"]), int(memory.get("maxmemory", 0)) or None, str(server["run_id"]))

    def runs(self) -> list[tuple[str, float]]:
        with translate_errors(self.url):
            pairs = self._redis.zrevrange(f"{self._prefix}runs", 0, -1, withscores=True)
        return [(run_id.decode(), float(score)) for run_id, score in pairs]

    def run_info(self, run_id: str) -> RunInfo:
        with translate_errors(self.url), self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(self.key("run", run_id))
            pipe.get(self.key("silences", run_id)).pttl(self.key("silences", run_id))
            pipe.zscore(f"{self._prefix}runs", run_id)
            fields, packed_silences, millis_left, score = pipe.execute()
        info: dict[str, Any] = {}
        producers: dict[str, Mapping[str, Any]] = {}
        for name, packed in fields.items():
            value = _unpack(packed, f"run {run_id!r}, field {name!r}")
            if name.startswith(_PRODUCER_FIELD):
                producers[name[len(_PRODUCER_FIELD) :].decode()] = value
            else:
                info[name.decode()] = value
        silences = unpack_silences(packed_silences or b"")
        looked_secs_ago = noted_secs_ago(millis_left) if silences else None
        return RunInfo(run_id, float(score or 0.0), info, producers, silences, looked_secs_ago)

    def note_silences(self, run_id: str, silences: Mapping[str, Silence]) -> None:
        with translate_errors(self.url):
            self._redis.set(self.key("silences", run_id), pack_silences(silences), ex=SILENCES_SECS)

    def read_finished(self, run_id: str, *, after: str, limit: int) -> list[FinishedEntry]:
        with translate_errors(self.url):
            rows = self._redis.xrange(self.key("finished", run_id), min=f"({after}", count=limit)
        return [
            FinishedEntry(entry_id.decode(), unpack_body(fields[1] if fields[0] == _FINISHED_FIELD else b""))
            for entry_id, fields in rows
        ]

    def trim_finished(self, run_id: str, *, through: str) -> None:
        milliseconds, _, sequence = through.partition("-")
        with translate_errors(self.url):
            self._redis.xtrim(
                self.key("finished", run_id), minid=f"{milliseconds}-{int(sequence) + 1}", approximate=False
            )

    def read_plays(self, run_id: str, plays: Sequence[Play]) -> list[list[StreamEntry]]:
        found: list[list[StreamEntry]] = [[] for _ in plays]
        unread = {index: f"{play.play_id}-0" for index, play in enumerate(plays)}
        while unread:
            with translate_errors(self.url), self._redis.pipeline(transaction=False) as pipe:
                for index, start in unread.items():
                    play = plays[index]
                    key = self.key("episode", run_id, play.episode_id)
                    pipe.xrange(key, min=start, max=f"{play.play_id}-{_LAST_SEQUENCE}", count=_READ_ENTRIES)
                replies = pipe.execute()
            for index, rows in zip(list(unread), replies, strict=True):
                found[index].extend(_entry(row) for row in rows)
                if len(rows) < _READ_ENTRIES:
                    del unread[index]
                else:
                    unread[index] = f"({rows[-1][0].decode()}"
        return found

    def drop_plays(self, run_id: str, plays: Sequence[Play]) -> None:
        with translate_errors(self.url):
            for start in range(0, len(plays), _DROP_PLAYS):
                self._drop(run_id, plays[start : start + _DROP_PLAYS])

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
            self._delete_entries(play, key)

    def _delete_entries(self, play: Play, key: bytes) -> None:
        """Drop a play whose stream other plays share, and the stream when none is left."""
        while rows := self._redis.xrange(
            key, min=f"{play.play_id}-0", max=f"{play.play_id}-{_LAST_SEQUENCE}", count=_READ_ENTRIES
        ):
            self._redis.xdel(key, *(row[0] for row in rows))
        with self._redis.pipeline() as pipe, suppress(redis.WatchError):  # a header may just arrive
            pipe.watch(key)
            if pipe.xlen(key) == 0:
                pipe.multi()
                pipe.unlink(key)
                pipe.execute()

    def open_plays(self, run_id: str) -> list[OpenPlay]:
        with translate_errors(self.url):
            rows = self._redis.zrange(self.key("open", run_id), 0, -1, withscores=True)
        return [OpenPlay(_play(member), float(score)) for member, score in rows]

    def episodes_held(self, run_id: str) -> list[int]:
        start = self.key("episode", run_id, "")
        pattern = "".join(f"\\{letter}" if letter in "*?[]\\^-" else letter for letter in start) + "*"
        with translate_errors(self.url):
            found = [
                key.decode()[len(start) :] for key in self._redis.scan_iter(match=pattern, count=1000, _type="stream")
            ]
        return [int(episode_id) for episode_id in found if episode_id.isdecimal()]

    def forget_run(self, run_id: str) -> None:
        with translate_errors(self.url):
            self._redis.unlink(*(self.key(kind, run_id) for kind in ("run", "open", "silences", "refused", "finished")))
            # A sender that was asleep so long would take it for the loss of all its steps.
            self._redis.expire(self.key("tally", run_id), _TALLY_SECS)
            self._redis.zrem(f"{self._prefix}runs", run_id)

    def try_lock(self, name: str, *, secs: float) -> bool:
        with translate_errors(self.url):
            taken = self._redis.set(
                f"{self._prefix}lock:{name}", secrets.token_hex(8), nx=True, px=max(1, int(secs * 1000))
            )
        return bool(taken)

    def read_episode(
        self, run_id: str, episode_id: int, *, after: str = FIRST_CURSOR, limit: int = 16
    ) -> list[StreamEntry]:
        with translate_errors(self.url):
            rows = self._redis.xrange(self.key("episode", run_id, episode_id), min=f"({after}", count=limit)
        return [_entry(row) for row in rows]

    def close(self) -> None:
        self._redis.close()


def _member(play: Play) -> str:
    return f"{play.episode_id}:{play.play_id}"


def _play(member: bytes) -> Play:
    episode_id, _, play_id = member.decode().partition(":")
    try:
        return Play(int(episode_id), int(play_id))
    except ValueError as error:
        raise StreamCorruptError(
            f"open plays: expected <episode_id>:<play_id>, found {member!r}: another program writes to these keys; "
            "give each a key_prefix of its own"
        ) from error


def _entry(row: tuple[bytes, Sequence[bytes]]) -> StreamEntry:
    place, fields = row
    play_id, _, sequence = place.partition(b"-")
    kind = fields[0]
    if kind not in (b"h", b"c", b"e") or len(fields) != 2:
        raise StreamCorruptError(
            f"stream entry {place.decode()}: expected one field, h, c or e, found {sorted(fields[::2])}: another program "
            "writes to these keys; give each a key_prefix of its own"
        )
    return StreamEntry(int(play_id), int(sequence), kind.decode(), fields[1])  # type: ignore[arg-type]


def _unpack(packed: bytes, what: str) -> Any:
    try:
        return msgpack.unpackb(packed)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise StreamCorruptError(f"{what} is not msgpack: {error}") from error
