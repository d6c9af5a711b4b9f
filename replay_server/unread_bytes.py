"""Bytes written to a client that it has not read yet."""

from __future__ import annotations

import asyncio
import struct
from fcntl import ioctl
from termios import TIOCOUTQ

__all__ = ["unread_bytes"]

_INT = struct.Struct("i")


def unread_bytes(transport: asyncio.Transport) -> int:
    """Return the bytes in our buffer and in the system's, which holds megabytes and grows only in large steps."""
    try:
        answer = ioctl(transport.get_extra_info("socket").fileno(), TIOCOUTQ, bytes(_INT.size))
    except OSError:  # the system does not report it
        answer = bytes(_INT.size)
    return transport.get_write_buffer_size() + int(_INT.unpack(answer)[0])
