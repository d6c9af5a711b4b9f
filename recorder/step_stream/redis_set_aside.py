"""What stands under our keys and is not of our making: set aside with its name, so that everything else goes on.

A key of another type is renamed. Of a key that holds bad parts only those are passed over. The server keeps the names of both,
for ``stats`` and ``doctor``; whoever finds one first logs it.
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
"""How many names are kept; whoever writes more has more to look at than their names."""

_MAX_LETTERS = 200

_ADVICE = "another program writes to these keys; give each a key_prefix of its own"


class SetAside:
    """The names of one installation.

    Args:
        client: of the server.
        prefix: stands before every key.
        may_write: False for who only looks: nothing is renamed or noted on the server, and nothing is logged.
    """

    def __init__(self, client: Any, prefix: str, *, may_write: bool) -> None:
        self._redis = client
        self._prefix = prefix
        self._may_write = may_write
        self._seen: dict[str, str] = {}

    @property
    def may_write(self) -> bool:
        """Whether it changes anything on the server."""
        return self._may_write

    def note(self, name: str, why: str) -> None:
        """Something is passed over; the first time it is written down and logged."""
        name, why = _cut(name), _cut(why)
        if name in self._seen or len(self._seen) >= _MAX_NAMES:
            return
        self._seen[name] = why
        if not self._may_write:
            return
        is_news = True
        with suppress(redis.RedisError):  # without room or the right to write it is logged all the same
            if self._redis.hlen(self._key) < _MAX_NAMES:
                is_news = bool(self._redis.hsetnx(self._key, name, why))
        if is_news:
            _log.error("%s is set aside: %s: %s", name, why, _ADVICE)

    def move(self, expected: Mapping[str, str]) -> bool:
        """Rename those of the keys that are of another type; what is read or written next finds room for its own.

        Args:
            expected: key to the type that it should have.

        Returns:
            Whether any was renamed.
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
                self.note(name, f"it is of type {found}, not {kind}")
        return moved

    def names(self) -> dict[str, str]:
        """What is set aside, and why: as the server has it, and what this process has seen."""
        try:
            kept = self._redis.hgetall(self._key)
        except redis.ResponseError:
            kept = {self._key.encode(): b"it is of another type"}
        told = {name.decode(errors="replace"): why.decode(errors="replace") for name, why in kept.items()}
        return {**told, **self._seen}

    @property
    def _key(self) -> str:
        return f"{self._prefix}set-aside"

    def _rename(self, key: str, found: str) -> bool:
        """Rename a key, unless it has become another one meanwhile."""
        with self._redis.pipeline() as pipe, suppress(redis.WatchError):
            pipe.watch(key)
            if pipe.type(key).decode() == found:
                pipe.multi()
                pipe.rename(key, f"{self._key}:{key.removeprefix(self._prefix)}")
                pipe.execute()
        return True


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}…"
