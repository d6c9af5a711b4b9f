"""Part of ``RedisStepStream`` for sweeps: locks, bookmarks, a scan of all streams, foreign keys, what is set aside."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recorder.redis_server.client import translate_errors
from recorder.step_stream.base import StepStream
from recorder.step_stream.entries import FIRST_CURSOR, Play
from recorder.step_stream.redis_connection import RedisConnection

__all__ = ["ForeignKeys", "RedisUpkeep", "why_foreign"]

_RUN_KINDS = {
    "episode": "stream",
    "finished": "stream",
    "open": "zset",
    "run": "hash",
    "tally": "hash",
    "refused": "hash",
    "missed_heartbeats": "string",
    "known": "string",
}
"""``{prefix}open:{run}`` and so on."""

_SINGLE_KINDS = {"runs": "zset", "installation": "string", "set-aside": "hash"}

_NAMED_KINDS = {"lock": "string", "bookmark": "string", "set-aside": None}
"""``{prefix}lock:tick`` and so on; what was set aside has any type."""


@dataclass(frozen=True, slots=True)
class ForeignKeys:
    """Keys under the prefix that another program wrote.

    Args:
        found: name, without the prefix, and what is wrong with it.
        n_scanned: keys that were looked at.
        is_complete: whether those were all.
    """

    found: Mapping[str, str]
    n_scanned: int
    is_complete: bool


def why_foreign(key: bytes, kind: str, *, others: Mapping[str, str]) -> str | None:
    """Why this program did not write a key; None if it may have.

    Args:
        key: its name, without the prefix.
        kind: its type, as Redis reports it; ``none`` if it is gone.
        others: names and types of the keys of Celery.
    """
    try:
        expected = _expected_type(key.decode(), others)
    except UnicodeDecodeError:
        return "the name is not UTF-8"
    except KeyError:
        return "not a name of hamlet-recorder's"
    return None if expected is None or kind in (expected, "none") else f"type {kind} instead of {expected}"


def _expected_type(name: str, others: Mapping[str, str]) -> str | None:
    """The type of a key, None for any. Raises KeyError if this program writes no key of this name."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return {**_SINGLE_KINDS, **others}[kind]
    if kind in _NAMED_KINDS:
        return _NAMED_KINDS[kind]
    run, _, episode_id = rest.rpartition(":") if kind == "episode" else (rest, "", "0")
    if len(run) <= len("{}") or run[0] != "{" or run[-1] != "}" or not episode_id.removeprefix("-").isdecimal():
        raise KeyError(name)
    return _RUN_KINDS[kind]


_SCANNED_KEYS = 1000
_BOOKMARK_SECS = 3600
_ASKED_RUNS = 500
_WATCHED_RUNS = 64
"""More than train at one time with one Redis; the ends of others wait for the tick."""
_MAX_FOREIGN = 1000
_MAX_LETTERS = 200


class RedisUpkeep(RedisConnection, StepStream):
    """Part of ``RedisStepStream``."""

    def try_lock(self, name: str, *, secs: float) -> bool:
        key, millis = f"{self._prefix}lock:{name}", max(1, int(secs * 1000))
        with translate_errors(self.url), self._redis.pipeline(transaction=False) as pipe:
            taken, millis_left = pipe.set(key, secrets.token_hex(8), nx=True, px=millis).pttl(key).execute()
            if not taken and not 0 <= millis_left <= millis:
                self._redis.pexpire(key, millis)  # without an expiry it would block everyone
        return bool(taken)

    def scan_episodes(self, cursor: int, *, run_id: str | None = None) -> tuple[int, dict[str, list[Play]]]:
        start = f"{self._prefix}episode:" if run_id is None else self.key("episode", run_id, "")
        with translate_errors(self.url):
            following, keys = self._redis.scan(cursor, match=_starting_with(start), count=_SCANNED_KEYS, _type="stream")
            places = {key: place for key in keys if (place := self._place_of(key)) is not None}
            replies: list[Any] = []
            names = list(places)
            for batch in self._in_batches(self._sizes(names, samples=1)):
                with self._redis.pipeline(transaction=False) as pipe:
                    for index in batch:
                        pipe.xrange(names[index], count=1)
                    replies += pipe.execute(raise_on_error=False)
        found: dict[str, list[Play]] = {}
        for (name, episode_id), rows in zip(places.values(), replies, strict=True):
            if isinstance(rows, list) and rows and run_id in (None, name):  # else it was deleted or replaced meanwhile
                found.setdefault(name, []).append(Play(episode_id, int(rows[0][0].partition(b"-")[0])))
        return int(following), found

    def runs_with_ends(self) -> list[str]:
        run_ids = [run_id for run_id, _ in self.runs()]
        found: list[str] = []
        for start in range(0, len(run_ids), _ASKED_RUNS):
            found += self._with_ends(run_ids[start : start + _ASKED_RUNS])
        return found

    def wait_for_end(self, *, secs: float) -> bool:
        places = {self.key("finished", run_id): FIRST_CURSOR for run_id, _ in self.runs()[:_WATCHED_RUNS]}
        secs = min(secs, self._longest_block_secs)
        if not places:
            time.sleep(secs)  # a run that begins now has no end yet
            return False
        block = max(1, int(1000 * secs))  # 0 would block for ever

        def wait() -> bool:
            return bool(self._redis.xread(places, count=1, block=block))

        return self._run(dict.fromkeys(places, "stream"), wait, empty=False)

    def _with_ends(self, run_ids: Sequence[str]) -> list[str]:
        keys = [self.key("finished", run_id) for run_id in run_ids]

        def count() -> Any:
            with self._redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.xlen(key)
                return pipe.execute()

        counts: Any = self._run(dict.fromkeys(keys, "stream"), count, empty=[0] * len(keys))
        return [run_id for run_id, n_entries in zip(run_ids, counts, strict=True) if n_entries]

    def bookmark(self, name: str) -> str | None:
        key = f"{self._prefix}bookmark:{name}"
        place: Any = self._run({key: "string"}, lambda: self._redis.get(key), empty=None)
        return None if place is None else str(place.decode(errors="replace"))

    def set_bookmark(self, name: str, place: str | None) -> None:
        key = f"{self._prefix}bookmark:{name}"
        with translate_errors(self.url):
            if place is None:
                self._redis.unlink(key)
            else:
                self._redis.set(key, place, ex=_BOOKMARK_SECS)

    def foreign_keys(self, *, others: Mapping[str, str], most: int) -> ForeignKeys:
        """Find the keys under the prefix that another program wrote, at most 1000.

        Args:
            others: names and types of the keys of Celery.
            most: keys to look at. A large server has millions.

        Raises:
            StreamUnavailableError: Redis can't be reached.
        """
        found: dict[str, str] = {}
        n_scanned = cursor = 0
        while True:
            with translate_errors(self.url), self._redis.pipeline(transaction=False) as pipe:
                cursor, keys = self._redis.scan(cursor, match=_starting_with(self._prefix), count=_SCANNED_KEYS)
                for key in keys:
                    pipe.type(key)
                kinds = pipe.execute()
            n_scanned += len(keys)
            for key, kind in zip(keys, kinds, strict=True):
                name = key[len(self._prefix.encode()) :]
                if (why := why_foreign(name, kind.decode(), others=others)) and len(found) < _MAX_FOREIGN:
                    found[name.decode(errors="backslashreplace")[:_MAX_LETTERS]] = why
            if cursor == 0 or n_scanned >= most:
                return ForeignKeys(found, n_scanned, is_complete=cursor == 0)

    def set_aside(self) -> dict[str, str]:
        with translate_errors(self.url):
            return self._aside.names()


def _starting_with(start: str) -> str:
    """A pattern for the keys that start with a text."""
    return "".join(f"\\{letter}" if letter in "*?[]\\^-" else letter for letter in start) + "*"
