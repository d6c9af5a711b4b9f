"""A cache limited by the bytes it holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["ByteLru"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteLru(Generic[Key, Value]):
    """The most recently used values that fit; thread-safe.

    Args:
        max_bytes: limit for the sum of the sizes passed to ``put``.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()
        self._n_bytes = 0

    @property
    def n_bytes(self) -> int:
        """Bytes held."""
        return self._n_bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """Return the value and mark it as used; None if it is not held."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: Key, value: Value, n_bytes: int) -> None:
        """Store a value and drop others until all fit. A value larger than the cache is not stored."""
        with self._lock:
            self._drop(key)
            if n_bytes > self._max_bytes:
                return
            self._entries[key] = (value, n_bytes)
            self._n_bytes += n_bytes
            while self._n_bytes > self._max_bytes:
                self._drop(next(iter(self._entries)))

    def drop(self, key: Key) -> None:
        """Drop a value, if it is held."""
        with self._lock:
            self._drop(key)

    def make_room(self, n_bytes: int) -> None:
        """Drop the least recently used values, up to this many bytes."""
        with self._lock:
            left = self._n_bytes - n_bytes
            while self._entries and self._n_bytes > left:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._n_bytes -= entry[1]
