"""Moving parts on a canvas: shapes that are stamped for some frames and removed in reverse order.

Each shape stores the pixels under it, so removing it is one copy. Shapes are stamped in runs of pixels: a slanted line
or a ring covers a small part of its box, and only that part is blended, restored and converted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.video.canvas.masks import Mask
from worker.video.canvas.surface import TILE_COLUMNS, TILE_ROWS, Canvas, Ink, make_ink
from worker.video.canvas.theme import Color

__all__ = ["Overlay"]

_RUN_LENGTHS = (8, 16, 32, 64)
_RUN_COST = 4
"""Overhead of a run, in pixels."""


class _Runs(NamedTuple):
    """The covered part of a mask in runs of equal length. Runs may overlap: both write the same pixels there."""

    rows: NDArray[np.intp]
    starts: NDArray[np.intp]
    """``int[n_runs]`` each: the row and first column of each run."""
    length: int


class _Stamped(NamedTuple):
    """A shape on the canvas, and the former values of ``pixels[places]``."""

    pixels: NDArray[np.void]
    places: NDArray[np.intp]
    below: NDArray[np.void]
    tiles: NDArray[np.intp]


class Overlay:
    """The shapes on top of a canvas. Anything drawn on the canvas meanwhile is lost when they are removed.

    Args:
        canvas: what they are drawn on.
    """

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._stamped: list[_Stamped] = []

    def __len__(self) -> int:
        return len(self._stamped)

    def stamp(self, mask: Mask, x: int, y: int, color: Color, opacity: int = 255) -> None:
        """Add a shape with its upper left corner at ``(x, y)``, clipped to the canvas.

        Args:
            opacity: 0 to 255.
        """
        canvas = self._canvas
        if x < 0 or y < 0 or x + mask.width > canvas.width or y + mask.height > canvas.height:
            mask = _part(mask, max(0, -x), max(0, -y), max(0, canvas.width - x), max(0, canvas.height - y))
            x, y = max(0, x), max(0, y)
        if not mask.width * mask.height:
            return
        kept, added = _run_ink(mask, color, opacity)
        pixels = canvas.runs(kept.shape[1] // 3)
        places = _places(mask, canvas.row_bytes) + (y * canvas.row_bytes + 3 * x)
        below = pixels[places]
        mixed = below.view(np.uint8).reshape(kept.shape) * kept
        mixed += added
        pixels[places] = mixed.astype(np.uint8).view(below.dtype).reshape(-1)
        tiles = canvas.tile_index(x, y) + _tiles(mask, x % TILE_COLUMNS, y % TILE_ROWS, canvas.tiles_a_row)
        canvas.touch_tiles(tiles)
        self._stamped.append(_Stamped(pixels, places, below, tiles))

    def stamp_center(self, mask: Mask, x: float, y: float, color: Color, opacity: int = 255) -> None:
        """Add a shape with its centre at ``(x, y)``."""
        self.stamp(mask, round(x - mask.width / 2), round(y - mask.height / 2), color, opacity)

    def take_back(self, n_left: int = 0) -> None:
        """Remove shapes in reverse order until this many are left."""
        while len(self._stamped) > n_left:
            pixels, places, below, tiles = self._stamped.pop()
            pixels[places] = below
            self._canvas.touch_tiles(tiles)


@lru_cache(maxsize=256)
def _part(mask: Mask, left: int, top: int, right: int, bottom: int) -> Mask:
    """Return the same object for the same part of a mask, because results are cached by mask."""
    return Mask(mask.coverage[top:bottom, 3 * left : 3 * right].copy())


@lru_cache(maxsize=2048)
def _runs(mask: Mask) -> _Runs:
    """Return the runs of the cheapest length."""
    covered = mask.coverage[:, ::3] > 0
    ends = np.where(covered.any(axis=1), mask.width - covered[:, ::-1].argmax(axis=1), 0)
    longest = max(1, int((ends - covered.argmax(axis=1)).max()))
    found = [_cut(covered, length) for length in {longest, *_RUN_LENGTHS} if length <= longest]
    return min(found, key=lambda runs: len(runs.starts) * (runs.length + _RUN_COST))


def _cut(covered: NDArray[np.bool_], length: int) -> _Runs:
    """Return runs of a length that contain all covered pixels, ``bool[height, width]``."""
    rest = covered.copy()
    width = covered.shape[1]
    rows, starts = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    while (left := np.flatnonzero(rest.any(axis=1))).size:
        firsts = np.minimum(rest[left].argmax(axis=1), width - length)
        rows.append(left)
        starts.append(firsts)
        rest[left] &= np.arange(width) >= firsts[:, np.newaxis] + length
    return _Runs(np.concatenate(rows), np.concatenate(starts), length)


@lru_cache(maxsize=512)
def _run_ink(mask: Mask, color: Color, opacity: int) -> Ink:
    """Return the ink of a mask's runs, ``float32[n_runs, 3 * length]``."""
    rows, starts, length = _runs(mask)
    part = (rows[:, np.newaxis], 3 * starts[:, np.newaxis] + np.arange(3 * length))
    kept, added = make_ink(mask.coverage, color, opacity)
    return Ink(kept[part], added[part])


@lru_cache(maxsize=2048)
def _places(mask: Mask, row_bytes: int) -> NDArray[np.intp]:
    """Return ``int[n_runs]``: the first byte of each run, relative to the mask's upper left corner."""
    rows, starts, _ = _runs(mask)
    places: NDArray[np.intp] = rows * row_bytes + 3 * starts
    return places


@lru_cache(maxsize=4096)
def _tiles(mask: Mask, x: int, y: int, tiles_a_row: int) -> NDArray[np.intp]:
    """Return the tiles that a mask touches, counted from the tile with its upper left corner.

    Args:
        x: of the corner within that tile.
        y: of the corner within that tile.
    """
    rows, columns = np.nonzero(mask.coverage[:, ::3])
    return np.unique((y + rows) // TILE_ROWS * tiles_a_row + (x + columns) // TILE_COLUMNS)
