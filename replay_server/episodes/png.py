"""A minimal PNG encoder.

Source: Portable Network Graphics (PNG) Specification, third edition.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["encode_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TRUECOLOUR = 2


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode a PNG.

    Args:
        pixels: ``uint8[height, width, 3]``, RGB.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + width * 3), np.uint8)  # each row begins with its filter type: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack("!IIBBBBB", width, height, 8, _TRUECOLOUR, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b"")]
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
