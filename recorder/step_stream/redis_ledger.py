"""What trainers and workers count of a run on Redis or Valkey, for each other: what arrived, what was refused, what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgpack

from recorder.errors import StreamCorruptError
from recorder.redis_client import translate_errors
from recorder.step_stream.base import Play, StepStream
from recorder.step_stream.told import KnownRun, Refused

__all__ = ["RedisLedger", "read_tally"]

_KNOWN_SECS = 183 * 86_400
"""How long it stays known that there was a run."""


class RedisLedger(StepStream):
    """The part of ``RedisStepStream`` that counts."""

    url: str
    _redis: Any

    def key(self, kind: str, run_id: str, *more: object) -> str:
        """Name of a key of a run."""
        raise NotImplementedError

    def look_after(self, run_id: str, producer_id: str, plays: Sequence[Play]) -> tuple[int, list[bool]]:
        with translate_errors(self.url), self._redis.pipeline(transaction=True) as pipe:
            pipe.hget(self.key("tally", run_id), producer_id)
            for play in plays:
                pipe.exists(self.key("episode", run_id, play.episode_id))
            tallied, *found = pipe.execute()
        return read_tally(tallied)[0], list(map(bool, found))

    def kept_steps(self, run_id: str, producer_id: str) -> int | None:
        with translate_errors(self.url):
            tallied = self._redis.hget(self.key("tally", run_id), producer_id)
        return None if tallied is None else read_tally(tallied)[1]

    def known_run(self, run_id: str) -> KnownRun | None:
        with translate_errors(self.url):
            packed = self._redis.get(self.key("known", run_id))
        if packed is None:
            return None
        try:
            return KnownRun(**msgpack.unpackb(packed))
        except (TypeError, ValueError, msgpack.exceptions.UnpackException) as error:
            raise StreamCorruptError(f"what is known of run {run_id!r} is not what workers write: {error}") from error

    def refused(self, run_id: str, producer_id: str) -> Refused:
        with translate_errors(self.url):
            fields = [f"{producer_id}:{name}" for name in ("n_episodes", "n_steps", "why")]
            n_episodes, n_steps, why = self._redis.hmget(self.key("refused", run_id), fields)
        try:
            return Refused(int(n_episodes or 0), int(n_steps or 0), (why or b"").decode(errors="replace"))
        except ValueError as error:
            raise StreamCorruptError(
                f"what was refused of run {run_id!r} is not what workers write: {error}"
            ) from error

    def tell_known_run(self, run_id: str, known: KnownRun) -> None:
        with translate_errors(self.url):
            self._redis.set(self.key("known", run_id), msgpack.packb(asdict(known)), ex=_KNOWN_SECS)

    def tell_refused(self, run_id: str, refused: Mapping[str, Refused]) -> None:
        key = self.key("refused", run_id)
        with translate_errors(self.url), self._redis.pipeline(transaction=True) as pipe:
            for producer_id, it in refused.items():
                pipe.hincrby(key, f"{producer_id}:n_episodes", it.n_episodes)
                pipe.hincrby(key, f"{producer_id}:n_steps", it.n_steps)
                pipe.hset(key, f"{producer_id}:why", it.why)
            pipe.execute()


def read_tally(value: bytes | None) -> tuple[int, int]:
    """Steps sent and kept, as a sender's field of the tally holds them."""
    numbers = (value or b"").split()
    if value is not None and not (len(numbers) == 2 and all(number.isdigit() for number in numbers)):
        raise StreamCorruptError(
            f"tally: expected two numbers, found {value!r}: another program writes to these keys; "
            "give each a key_prefix of its own"
        )
    return (int(numbers[0]), int(numbers[1])) if numbers else (0, 0)
