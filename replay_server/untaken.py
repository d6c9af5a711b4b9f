"""What a client has not taken yet of what was written to it."""

from __future__ import annotations

import asyncio
import struct
from fcntl import ioctl
from termios import TIOCOUTQ

__all__ = ["untaken_bytes"]

_INT = struct.Struct("i")


def untaken_bytes(transport: asyncio.Transport) -> int:
    """Bytes that wait here, and those that wait in the system: megabytes, of which it takes more only in lumps."""
    try:
        answer = ioctl(transport.get_extra_info("socket").fileno(), TIOCOUTQ, bytes(_INT.size))
    except OSError:  # a system that does not tell
        answer = bytes(_INT.size)
    return transport.get_write_buffer_size() + int(_INT.unpack(answer)[0])
