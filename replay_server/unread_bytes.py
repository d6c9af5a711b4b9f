"""Bytes written to a client that it has not read yet, and whether it reads fast enough."""

from __future__ import annotations

import asyncio
import struct
from fcntl import ioctl
from termios import TIOCOUTQ

__all__ = ["Progress", "unread_bytes"]

_INT = struct.Struct("i")


def unread_bytes(transport: asyncio.Transport) -> int:
    """Return the bytes in our buffer and in the system's, which holds megabytes and grows only in large steps."""
    try:
        answer = ioctl(transport.get_extra_info("socket").fileno(), TIOCOUTQ, bytes(_INT.size))
    except OSError:  # the system does not report it
        answer = bytes(_INT.size)
    return transport.get_write_buffer_size() + int(_INT.unpack(answer)[0])


class Progress:
    """What one client reads, sampled from time to time.

    Args:
        min_bytes_per_sec: the minimum rate.
        over_secs: averaging time.
    """

    def __init__(self, min_bytes_per_sec: float, over_secs: float) -> None:
        self._min_bytes_per_sec = min_bytes_per_sec
        self._over_secs = over_secs
        self._since: float | None = None
        self._n_taken_before = 0
        self.n_written_bytes = 0

    def is_too_slow(self, now: float, n_unread_bytes: int) -> bool:
        """Return whether it read too little although data was waiting all the time."""
        n_taken = self.n_written_bytes - n_unread_bytes
        if n_unread_bytes == 0:
            self._since = None
        elif self._since is None:
            self._since, self._n_taken_before = now, n_taken
        elif (secs := now - self._since) >= self._over_secs:
            is_slow = n_taken - self._n_taken_before < self._min_bytes_per_sec * secs
            self._since, self._n_taken_before = now, n_taken
            return is_slow
        return False
