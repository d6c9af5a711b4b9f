"""Reads a remote file in ranges."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

__all__ = ["RangeReader"]


class RangeReader(io.RawIOBase):
    """A seekable file that requests its ranges one by one, without an open connection.

    Args:
        size: size of the file in bytes.
        read_range: returns the bytes from ``start`` up to ``stop``.
    """

    def __init__(self, size: int, read_range: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size = size
        self._read_range = read_range
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        stop = min(self._place + len(buffer), self._size)
        if stop <= self._place:
            return 0
        data = self._read_range(self._place, stop)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)
