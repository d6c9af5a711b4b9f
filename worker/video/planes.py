"""From RGB to the encoder's planes: BT.709, limited range, 4:2:0; only tiles that have changed are converted.

Source: Rec. ITU-R BT.709-6, sections 3.2 and 3.4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from worker.video.surface import TILE, Canvas

__all__ = ["Yuv420Planes"]

_SHIFT = 16
_RED, _BLUE = 0.2126, 0.0722
_LUMA = np.array([_RED, 1 - _RED - _BLUE, _BLUE]) * 219 / 255
_CB = np.array([-_RED, _RED + _BLUE - 1, 1 - _BLUE]) / (2 * (1 - _BLUE)) * 224 / 255
_CR = np.array([1 - _RED, _RED + _BLUE - 1, -_BLUE]) / (2 * (1 - _RED)) * 224 / 255
_LUMA_WEIGHTS, _CB_WEIGHTS, _CR_WEIGHTS = (
    [int(weight) for weight in np.round(row * 2**_SHIFT)] for row in (_LUMA, _CB, _CR)
)
_TILES_AT_ONCE = 256
"""Bounds the intermediate arrays, so that they stay in the processor's cache."""


class Yuv420Planes:
    """The three planes of one frame, kept up to date with a canvas.

    Args:
        canvas: from ``Canvas.blank``; an even number of pixels wide and high.
    """

    def __init__(self, canvas: Canvas) -> None:
        rows, columns = canvas.touched.shape
        whole = canvas.pixels.base
        if whole is None or whole.shape != (rows * TILE, columns * TILE, 3):
            raise ValueError("the canvas is a part of another: give the planes the whole one")
        self._canvas = canvas
        self._rgb = _in_tiles(whole.reshape(rows, TILE, columns, TILE, 3))
        luma = np.zeros((rows * TILE, columns * TILE), np.uint8)
        chroma = np.zeros((2, rows * TILE // 2, columns * TILE // 2), np.uint8)
        self._luma = _in_tiles(luma.reshape(rows, TILE, columns, TILE))
        self._cb, self._cr = (_in_tiles(plane.reshape(rows, TILE // 2, columns, TILE // 2)) for plane in chroma)
        height, width = canvas.height, canvas.width
        self._visible = (
            luma[:height, :width],
            chroma[0, : height // 2, : width // 2],
            chroma[1, : height // 2, : width // 2],
        )

    def update(self) -> int:
        """Take over what the canvas has changed since the last time.

        Returns:
            How many tiles were converted.
        """
        rows, columns = np.nonzero(self._canvas.touched)
        for start in range(0, len(rows), _TILES_AT_ONCE):
            self._convert(rows[start : start + _TILES_AT_ONCE], columns[start : start + _TILES_AT_ONCE])
        self._canvas.touched[:] = False
        return len(rows)

    def planes(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Luma ``uint8[height, width]`` and the two chroma planes, half as wide and high; valid until the next ``update``.

        All in C order.
        """
        luma, cb, cr = (np.ascontiguousarray(plane) for plane in self._visible)
        return luma, cb, cr

    def _convert(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> None:
        tiles = self._rgb[rows, columns]
        red, green, blue = (tiles[..., i].astype(np.int32) for i in range(3))
        self._luma[rows, columns] = _weighted(red, green, blue, _LUMA_WEIGHTS, 16, _SHIFT)
        # The average of four pixels lies in their middle: the encoder is told so (chroma location "center").
        red, green, blue = (_sum_of_four(band) for band in (red, green, blue))
        self._cb[rows, columns] = _weighted(red, green, blue, _CB_WEIGHTS, 128, _SHIFT + 2)
        self._cr[rows, columns] = _weighted(red, green, blue, _CR_WEIGHTS, 128, _SHIFT + 2)


def _in_tiles(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A view ``[tile row, tile column, row, column, …]`` of ``[tile row, row, tile column, column, …]``."""
    return array.swapaxes(1, 2)


def _weighted(
    red: NDArray[np.int32],
    green: NDArray[np.int32],
    blue: NDArray[np.int32],
    weights: list[int],
    offset: int,
    shift: int,
) -> NDArray[np.int32]:
    total = red * weights[0]
    total += green * weights[1]
    total += blue * weights[2]
    total += (offset << shift) + (1 << (shift - 1))
    total >>= shift
    return total


def _sum_of_four(band: NDArray[np.int32]) -> NDArray[np.int32]:
    rows = band[:, 0::2] + band[:, 1::2]
    return rows[:, :, 0::2] + rows[:, :, 1::2]
