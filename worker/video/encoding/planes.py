"""Converts RGB to the encoder's planes: BT.709, limited range, 4:2:0. Only changed tiles are converted.

Source: Rec. ITU-R BT.709-6, sections 3.2 and 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.video.canvas.surface import TILE_COLUMNS, TILE_ROWS, Canvas

__all__ = ["Yuv420Planes"]

_SHIFT = 16
_RED, _BLUE = 0.2126, 0.0722
_LUMA = np.array([_RED, 1 - _RED - _BLUE, _BLUE]) * 219 / 255
_CB = np.array([-_RED, _RED + _BLUE - 1, 1 - _BLUE]) / (2 * (1 - _BLUE)) * 224 / 255
_CR = np.array([1 - _RED, _RED + _BLUE - 1, -_BLUE]) / (2 * (1 - _RED)) * 224 / 255
_LUMA_WEIGHTS, _CB_WEIGHTS, _CR_WEIGHTS = (
    [int(weight) for weight in np.round(row * 2**_SHIFT)] for row in (_LUMA, _CB, _CR)
)
_TILES_AT_ONCE = 4096
"""Limits the intermediate arrays, so that they stay in the CPU cache."""


class Yuv420Planes:
    """The three planes of one frame, updated from a canvas.

    A *line* is one row of one tile. Lines are copied whole, as single items of that many bytes, which is several times
    as fast as copying pixels.

    Args:
        canvas: from ``Canvas.blank``; width and height are even.
    """

    def __init__(self, canvas: Canvas) -> None:
        rows, columns = canvas.touched.shape
        whole = canvas.pixels.base
        if whole is None or whole.shape != (rows * TILE_ROWS, columns * TILE_COLUMNS, 3):
            raise ValueError("expected a whole canvas, got a part of one")
        self._canvas = canvas
        self._columns = columns
        self._rgb_lines = whole.reshape(-1, 3 * TILE_COLUMNS)
        luma = np.zeros(whole.shape[:2], np.uint8)
        chroma = np.zeros((2, whole.shape[0] // 2, whole.shape[1] // 2), np.uint8)
        self._luma_lines = luma.reshape(-1).view(f"V{TILE_COLUMNS}")
        self._cb_lines, self._cr_lines = (plane.reshape(-1).view(f"V{TILE_COLUMNS // 2}") for plane in chroma)
        height, width = canvas.height, canvas.width
        self._visible = (
            luma[:height, :width],
            chroma[0, : height // 2, : width // 2],
            chroma[1, : height // 2, : width // 2],
        )

    def update(self) -> int:
        """Convert what has changed on the canvas since the last call.

        Returns:
            The number of converted tiles.
        """
        tiles = np.flatnonzero(self._canvas.touched)
        for start in range(0, len(tiles), _TILES_AT_ONCE):
            self._convert(tiles[start : start + _TILES_AT_ONCE])
        self._canvas.touched[:] = False
        return len(tiles)

    def planes(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Return luma ``uint8[height, width]`` and the two chroma planes, half as wide and high, in C order.

        They are valid until the next ``update``.
        """
        luma, cb, cr = (np.ascontiguousarray(plane) for plane in self._visible)
        return luma, cb, cr

    def _convert(self, tiles: NDArray[np.intp]) -> None:
        rows, columns = np.divmod(tiles, self._columns)
        # The even lines of all tiles come before the odd ones, so that sums over two rows are sums of long arrays.
        lines = self._lines(rows, columns, TILE_ROWS)
        lines = np.concatenate([lines[0::2], lines[1::2]]).ravel()
        pixels = self._rgb_lines.take(lines, axis=0)
        luma = _weighted([pixels.reshape(-1)[i::3] for i in range(3)], _LUMA_WEIGHTS, 16, _SHIFT)
        self._luma_lines[lines] = luma.view(self._luma_lines.dtype)
        # The average of four pixels belongs to their centre, as the encoder's chroma location says.
        even, odd = np.vsplit(pixels, 2)
        twos = np.add(even, odd, dtype=np.int32).reshape(-1, 2, 3)
        fours = [twos[:, 0, i] + twos[:, 1, i] for i in range(3)]
        lines = self._lines(rows, columns, TILE_ROWS // 2).ravel()
        self._cb_lines[lines] = _weighted(fours, _CB_WEIGHTS, 128, _SHIFT + 2).view(self._cb_lines.dtype)
        self._cr_lines[lines] = _weighted(fours, _CR_WEIGHTS, 128, _SHIFT + 2).view(self._cr_lines.dtype)

    def _lines(self, rows: NDArray[np.intp], columns: NDArray[np.intp], height: int) -> NDArray[np.intp]:
        """Return ``int[height, n_tiles]``: the index of each tile's lines in a plane whose tiles have this many
        rows."""
        offsets = np.arange(0, height * self._columns, self._columns)
        lines: NDArray[np.intp] = offsets[:, np.newaxis] + (rows * (height * self._columns) + columns)
        return lines


def _weighted(bands: Sequence[NDArray[Any]], weights: list[int], offset: int, shift: int) -> NDArray[np.uint8]:
    """Return the weighted sum of three bands of integers, shifted right and rounded."""
    total: NDArray[np.int32] = np.multiply(bands[0], weights[0], dtype=np.int32)
    part = np.multiply(bands[1], weights[1], dtype=np.int32)
    total += part
    np.multiply(bands[2], weights[2], dtype=np.int32, out=part)
    total += part
    total += (offset << shift) + (1 << (shift - 1))
    total >>= shift
    return total.astype(np.uint8)
