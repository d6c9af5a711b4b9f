"""Sets aside values of other programs under our keys, so that the rest continues.

A key of the wrong type is renamed; a bad part of a key is skipped. Redis stores the names, for ``stats`` and
``doctor``; the first process to find one logs it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import redis

__all__ = ["SetAside"]

_log = logging.getLogger(__name__)

_MAX_NAMES = 1000
"""Most names that are stored."""

_MAX_LETTERS = 200

_ADVICE = "another program writes to these keys; give each its own key_prefix"


class SetAside:
    """Values that one installation has set aside.

    Args:
        client: client of the server.
        prefix: start of every key.
        may_write: False for readers, which rename, store and log nothing.
    """

    def __init__(self, client: Any, prefix: str, *, may_write: bool) -> None:
        self._redis = client
        self._prefix = prefix
        self._may_write = may_write
        self._seen: dict[str, str] = {}

    @property
    def may_write(self) -> bool:
        """Whether it may change data in Redis."""
        return self._may_write

    def note(self, name: str, why: str) -> None:
        """Note a skipped value; the first time, store and log it."""
        name, why = _cut(name), _cut(why)
        if name in self._seen or len(self._seen) >= _MAX_NAMES:
            return
        self._seen[name] = why
        if not self._may_write:
            return
        is_new = True
        with suppress(redis.RedisError):  # log it even if Redis is full or refuses
            if self._redis.hlen(self._key) < _MAX_NAMES:
                is_new = bool(self._redis.hsetnx(self._key, name, why))
        if is_new:
            _log.error("%s is set aside: %s: %s", name, why, _ADVICE)

    def move(self, expected: Mapping[str, str]) -> bool:
        """Rename the keys that have the wrong type, so that the right one can be created.

        Args:
            expected: key to type.

        Returns:
            Whether a key was renamed.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for key in expected:
                pipe.type(key)
            types = [found.decode() for found in pipe.execute()]
        moved = False
        for (key, kind), found in zip(expected.items(), types, strict=True):
            if found not in ("none", kind):
                name = key.removeprefix(self._prefix)
                moved = (self._may_write and self._rename(key, found)) or moved
                self.note(name, f"type {found} instead of {kind}")
        return moved

    def names(self) -> dict[str, str]:
        """What is set aside, with reasons, stored in Redis or seen by this process."""
        try:
            kept = self._redis.hgetall(self._key)
        except redis.ResponseError:
            kept = {self._key.encode(): b"wrong type"}
        stored = {name.decode(errors="replace"): why.decode(errors="replace") for name, why in kept.items()}
        return {**stored, **self._seen}

    @property
    def _key(self) -> str:
        return f"{self._prefix}set-aside"

    def _rename(self, key: str, found: str) -> bool:
        """Rename a key, unless its type has changed meanwhile."""
        with self._redis.pipeline() as pipe, suppress(redis.WatchError):
            pipe.watch(key)
            if pipe.type(key).decode() == found:
                pipe.multi()
                pipe.rename(key, f"{self._key}:{key.removeprefix(self._prefix)}")
                pipe.execute()
        return True


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}…"
