"""Connection to Redis: key names, and commands that find a key of the wrong type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import redis

from recorder.framing import MAX_FRAME_BYTES
from recorder.redis_server.client import Purpose, call_if_allowed, make_client, translate_errors
from recorder.step_stream.redis_set_aside import SetAside

__all__ = ["LARGE_BYTES", "RedisConnection"]

LARGE_BYTES = MAX_FRAME_BYTES
"""Most bytes that one command or pipeline reads. Streams that take more of Redis together are read in turn, and the entries
of one that takes more alone one by one: another program's may be of any size, and Redis does not tell it before."""

_ENOUGH_BYTES = 8 * 2**20
"""Entries of a large stream to read at a time."""

_T = TypeVar("_T")
_WRONG_TYPE = "WRONGTYPE"


@lru_cache(maxsize=256)
def _tag_of(run_id: str) -> str:
    return quote(run_id, safe=" !#$&'()*+,/:;=?@[]^`|~<>\"\\")


class RedisConnection:
    """A client and its key names.

    Args:
        url, key_prefix, purpose, socket_timeout_secs: as for ``RedisStepStream``.
    """

    def __init__(self, url: str, *, key_prefix: str, purpose: Purpose, socket_timeout_secs: float) -> None:
        self.url = url
        self._prefix = key_prefix
        self._longest_block_secs = socket_timeout_secs / 2
        # The driver's types are unions over all protocols; replies are checked where they are read.
        self._redis: Any = make_client(url, purpose=purpose, socket_timeout_secs=socket_timeout_secs)
        # Keep the reply as sent, [id, [field, value, …]]: the driver would build a tuple and a map per entry.
        self._redis.set_response_callback("XRANGE", lambda rows: rows)
        self._may_measure = True
        self._aside = SetAside(self._redis, key_prefix, may_write=purpose != "server")

    @property
    def key_prefix(self) -> str:
        """Start of every key."""
        return self._prefix

    def key(self, kind: str, run_id: str, *more: object) -> str:
        """``hamlet:episode:{run}:7``. The braces keep a run's keys on one shard of a cluster."""
        return ":".join([f"{self._prefix}{kind}", f"{{{_tag_of(run_id)}}}", *map(str, more)])

    def _sizes(self, keys: Sequence[str | bytes], *, samples: int = 0) -> list[int]:
        """Bytes that each key takes in Redis; 0 if it is missing, or if the user may not call ``MEMORY USAGE``.

        Args:
            samples: parts of a stream to measure, its first ones; 0 for all.
        """
        if not self._may_measure:
            return [0] * len(keys)
        with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.memory_usage(key, samples=samples)
            sizes = call_if_allowed(self.url, pipe.execute)
        if sizes is None:
            self._may_measure = False
            return [0] * len(keys)
        return [size or 0 for size in sizes]

    def _in_batches(self, sizes: Sequence[int]) -> Iterator[list[int]]:
        """Indexes of streams to read together."""
        batch: list[int] = []
        n_bytes = 0
        for index, size in enumerate(sizes):
            if batch and n_bytes + size > LARGE_BYTES:
                yield batch
                batch, n_bytes = [], 0
            batch.append(index)
            n_bytes += size
        if batch:
            yield batch

    def _read_entries(self, key: str, *, after: str, limit: int) -> list[Any]:
        """Entries of a stream, ``[id, [field, value, …]]`` each. Those of a large stream come one by one, up to a few MB."""
        is_large = self._sizes([key])[0] > LARGE_BYTES
        found: list[Any] = []
        n_bytes = 0
        while len(found) < limit and n_bytes <= _ENOUGH_BYTES:
            first, count = f"({after}", 1 if is_large else limit
            rows: Any = self._run({key: "stream"}, partial(self._redis.xrange, key, min=first, count=count), empty=[])
            found += rows
            if len(rows) < count or not is_large:
                break
            n_bytes += sum(map(len, rows[-1][1]))
            after = rows[-1][0].decode()
        return found

    def _place_of(self, key: bytes) -> tuple[str, int] | None:
        """Run and episode of a stream's key; None for a key of another program."""
        try:
            tag, brace, number = key.decode().removeprefix(f"{self._prefix}episode:{{").rpartition("}:")
        except UnicodeDecodeError:
            return None
        if not brace or not number.isdecimal():
            return None
        run_id, episode_id = unquote(tag, errors="surrogatepass"), int(number)
        return (run_id, episode_id) if self.key("episode", run_id, episode_id).encode() == key else None

    def _run(self, expected: Mapping[str, str], commands: Callable[[], _T], *, empty: _T) -> _T:
        """Run commands. A key of the wrong type is set aside, and the commands are repeated.

        Args:
            expected: key to type.
            empty: result if a key has the wrong type and this client may not write.
        """
        with translate_errors(self.url):
            try:
                return commands()
            except redis.ResponseError as error:
                if _WRONG_TYPE not in str(error):
                    raise
            is_moved = self._aside.move(expected)
            return commands() if is_moved or self._aside.may_write else empty
