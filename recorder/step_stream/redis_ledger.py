"""Part of ``RedisStepStream``: tallies, refusals and known runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgpack

from recorder.redis_server.client import translate_errors
from recorder.step_stream.base import StepStream
from recorder.step_stream.entries import Play
from recorder.step_stream.redis_connection import RedisConnection
from recorder.step_stream.run_info import KnownRun, Refused
from recorder.step_stream.tally import Tally, last_two

__all__ = ["RedisLedger", "pack_tally", "read_tally", "tally_fields"]

_KNOWN_SECS = 183 * 86_400
"""How long an ended run stays known."""

_FIELDS = ("n_episodes", "n_steps", "why")


class RedisLedger(RedisConnection, StepStream):
    """What workers and trainers report to each other. A value of another program counts as absent, and its name is
    noted.
    """

    def look_after(self, run_id: str, producer_id: str, plays: Sequence[Play]) -> tuple[int | None, list[bool]]:
        tally_key = self.key("tally", run_id)

        def read() -> Any:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.hmget(tally_key, tally_fields(producer_id))
                for play in plays:
                    pipe.exists(self.key("episode", run_id, play.episode_id))
                return pipe.execute()

        replies: Any = self._run({tally_key: "hash"}, read, empty=[[None, None], *([None] * len(plays))])
        tallied, *found = replies
        tally = read_tally(producer_id, tallied)
        return None if tally is None else tally.n_sent, list(map(bool, found))

    def tally(self, run_id: str, producer_id: str) -> Tally | None:
        key = self.key("tally", run_id)
        values = self._run({key: "hash"}, lambda: self._redis.hmget(key, tally_fields(producer_id)), empty=[None, None])
        return read_tally(producer_id, values)

    def known_run(self, run_id: str) -> KnownRun | None:
        key = self.key("known", run_id)
        packed: Any = self._run({key: "string"}, lambda: self._redis.get(key), empty=None)
        if packed is None:
            return None
        try:
            known = KnownRun(**msgpack.unpackb(packed))
            return KnownRun(int(known.n_episodes), int(known.last_episode_id), bool(known.has_ended))
        except (TypeError, ValueError, msgpack.exceptions.UnpackException) as error:
            self._aside.note(f"known run {run_id!r}", f"not written by a worker: {error}")
            return None

    def report_known_run(self, run_id: str, known: KnownRun) -> None:
        with translate_errors(self.url):
            self._redis.set(self.key("known", run_id), msgpack.packb(asdict(known)), ex=_KNOWN_SECS)

    def refused(self, run_id: str, producer_id: str) -> Refused:
        key, fields = self.key("refused", run_id), [f"{producer_id}:{name}" for name in _FIELDS]
        found: Any = self._run({key: "hash"}, lambda: self._redis.hmget(key, fields), empty=[None] * len(fields))
        n_episodes, n_steps, why = found
        try:
            return Refused(int(n_episodes or 0), int(n_steps or 0), (why or b"").decode(errors="replace"))
        except ValueError as error:
            self._aside.note(f"refusals of run {run_id!r}", f"not written by a worker: {error}")
            return Refused()

    def report_refused(self, run_id: str, refused: Mapping[str, Refused]) -> None:
        key = self.key("refused", run_id)

        def write() -> None:
            with self._redis.pipeline(transaction=True) as pipe:
                for producer_id, it in refused.items():
                    pipe.hincrby(key, f"{producer_id}:n_episodes", it.n_episodes)
                    pipe.hincrby(key, f"{producer_id}:n_steps", it.n_steps)
                    pipe.hset(key, f"{producer_id}:why", it.why)
                pipe.execute()

        self._run({key: "hash"}, write, empty=None)


def tally_fields(producer_id: str) -> list[str]:
    """The fields of the hash that hold a sender's counts, by slot."""
    return [producer_id, f"{producer_id}:odd"]


def pack_tally(tally: Tally) -> str:
    """What a field holds."""
    return f"{tally.n_sent} {tally.n_kept} {tally.flush_number}"


def read_tally(producer_id: str, values: Sequence[bytes | None]) -> Tally | None:
    """What the fields of a sender hold; None when another program wrote one of them. Two numbers are of a sender that did not
    number its flushes."""
    kept = []
    for value in values:
        if value is None:
            continue
        numbers = value.split()
        if len(numbers) not in (2, 3) or not all(number.isdigit() and len(number) < 20 for number in numbers):
            return None
        kept.append(Tally(producer_id, *map(int, numbers)))
    return last_two(producer_id, kept)
