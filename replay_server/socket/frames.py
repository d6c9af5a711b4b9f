"""WebSocket frames from the server, and text messages of clients that arrive in several frames or reads.

Frames from the server are neither masked nor compressed, so one frame serves all viewers of a message.

Source: RFC 6455, section 5.2.
"""

from __future__ import annotations

import struct

__all__ = ["MAX_PART_BYTES", "PART_HEADER", "Assembly", "binary_frame", "part_header", "text_frame"]

_FINAL = 0x80
_TEXT = 0x1
_BINARY = 0x2

MAX_PART_BYTES = 64 * 1024
"""Size of a binary message with its header. A control message waits at most as long as it takes to send one."""

PART_HEADER = struct.Struct("<BBHIII")
_PART_KIND = 1


def text_frame(payload: bytes) -> bytes:
    """Return a complete text message."""
    return _frame(_TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """Return a complete binary message."""
    return _frame(_BINARY, payload)


def part_header(*, is_last: bool, stream_id: int, chunk_number: int, offset: int, chunk_bytes: int) -> bytes:
    """Return the header of each part of a chunk; PROTOCOL.md, section Chunks."""
    return PART_HEADER.pack(_PART_KIND, is_last, stream_id, chunk_number, offset, chunk_bytes)


def _frame(opcode: int, payload: bytes) -> bytes:
    n_bytes = len(payload)
    if n_bytes < 126:
        return struct.pack("!BB", _FINAL | opcode, n_bytes) + payload
    if n_bytes < 2**16:
        return struct.pack("!BBH", _FINAL | opcode, 126, n_bytes) + payload
    return struct.pack("!BBQ", _FINAL | opcode, 127, n_bytes) + payload


class Assembly:
    """The message that is arriving.

    Args:
        max_bytes: of one message, in UTF-8.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[str] = []
        self._n_bytes = 0

    def add(self, piece: str) -> bool:
        """Add a piece; return False if the message is too large now. Then it is dropped."""
        if piece:
            self._pieces.append(piece)
            self._n_bytes += len(piece.encode())
        if self._n_bytes > self._max_bytes:
            self._pieces.clear()
            return False
        return True

    def take(self) -> str:
        """Return the complete message and begin the next one."""
        text = "".join(self._pieces)
        self._pieces.clear()
        self._n_bytes = 0
        return text
