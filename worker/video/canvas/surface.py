"""A picture of RGB pixels to draw on, and a canvas that tracks which tiles a frame has changed."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import Mask, lettering
from worker.video.canvas.theme import Color

__all__ = ["TILE_COLUMNS", "TILE_ROWS", "Canvas", "Ink", "Surface", "make_ink"]

TILE_COLUMNS, TILE_ROWS = 16, 4
"""Size of the tiles in which changes are tracked: wide, because most changes are bars and words."""
_MAX_CACHED_PIXELS = 1 << 15
"""Larger shapes are plates and curves, which are stamped once and would only fill the cache."""
_PIXELS_AT_ONCE = 1 << 15
"""Larger shapes are blended in bands of rows: twelve bytes a pixel are in use for each of four intermediate arrays."""


class Ink(NamedTuple):
    """A mask in a colour, ``float32[height, 3 * width]`` each: the blend is ``pixels * kept + added``.

    ``added`` includes a half, so that truncating rounds. No blend is nearer to a half than 1/510, which float32
    resolves, so the result equals that of integers.
    """

    kept: NDArray[np.float32]
    added: NDArray[np.float32]


class Surface:
    """A picture. Anything outside is clipped.

    Args:
        pixels: ``uint8[height, width, 3]``, drawn on in place.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
        # the same memory with the bands interleaved in one row: numpy is fast with long rows
        self._rows = pixels.reshape(self.height, 3 * self.width)

    def paint(self, picture: NDArray[np.uint8], x: int, y: int) -> Rect:
        """Draw a picture, completely inside, with its upper left corner at ``(x, y)``.

        Args:
            picture: ``uint8[height, 3 * width]``, the three bands of each pixel side by side.

        Returns:
            The painted area.
        """
        painted = Rect(x, y, picture.shape[1] // 3, picture.shape[0])
        self._rows[y : painted.bottom, 3 * x : 3 * painted.right] = picture
        self.touch(painted)
        return painted

    def picture(self, rect: Rect) -> NDArray[np.uint8]:
        """Return a copy of an area that is completely inside, as ``paint`` takes it."""
        return self._rows[rect.y : rect.bottom, 3 * rect.x : 3 * rect.right].copy()

    def touch(self, rect: Rect) -> None:
        """Mark an area, completely inside, as changed. Does nothing for a plain picture."""

    def fill(self, rect: Rect, color: Color) -> None:
        """Paint a rectangle."""
        x, y = max(0, rect.x), max(0, rect.y)
        painted = Rect(x, y, max(0, min(rect.right, self.width) - x), max(0, min(rect.bottom, self.height) - y))
        self.pixels[y : painted.bottom, x : painted.right] = color
        self.touch(painted)

    def stamp(
        self,
        mask: Mask,
        x: int,
        y: int,
        color: Color,
        opacity: int = 255,
        *,
        columns: tuple[int, int] | None = None,
    ) -> Rect:
        """Paint a shape with its upper left corner at ``(x, y)``.

        Args:
            opacity: 0 to 255.
            columns: paint only the mask's ``start <= column < end``, at their places in the whole shape.

        Returns:
            The painted area; empty if all of it is outside.
        """
        start, end = (0, mask.width) if columns is None else columns
        left, top = max(start, -x), max(0, -y)
        right, bottom = min(end, self.width - x), min(mask.height, self.height - y)
        painted = Rect(x + left, y + top, max(0, right - left), max(0, bottom - top))
        if left >= right or top >= bottom:
            return painted
        covered = slice(3 * left, 3 * right)
        below = self._rows[y + top : y + bottom, 3 * painted.x : 3 * painted.right]
        if mask.width * mask.height <= _MAX_CACHED_PIXELS:
            ink = _cached_ink(mask, color, opacity)
            _blend(below, Ink(*(part[top:bottom, covered] for part in ink)))
        else:
            n_rows = max(1, _PIXELS_AT_ONCE // painted.width)
            for row in range(0, painted.height, n_rows):
                band = below[row : row + n_rows]
                _blend(band, make_ink(mask.coverage[top + row : top + row + len(band), covered], color, opacity))
        self.touch(painted)
        return painted

    def stamp_center(self, mask: Mask, x: float, y: float, color: Color, opacity: int = 255) -> Rect:
        """Paint a shape with its centre at ``(x, y)``; return the painted area."""
        return self.stamp(mask, round(x - mask.width / 2), round(y - mask.height / 2), color, opacity)

    def text(
        self, text: str, x: float, baseline: int, size: int, color: Color, *, bold: bool = False, align: str = "left"
    ) -> Rect:
        """Write a line.

        Args:
            x: of the line's start, centre or end, by ``align``: ``left``, ``center`` or ``right``.
            baseline: its row.
            size: of the font, in pixels.

        Returns:
            The painted area.
        """
        letters = lettering(text, size, bold=bold)
        start = x - (0 if align == "left" else letters.width if align == "right" else letters.width / 2)
        return self.stamp(letters.mask, round(start) + letters.left, baseline - letters.top, color)


class Canvas(Surface):
    """A picture in two layers: ``still``, drawn once, with the moving parts on top.

    Args:
        pixels: ``uint8[height, width, 3]``, drawn on in place.
        touched: ``bool[tile rows, tile columns]``, set where something is drawn. The reader of the frame clears it.

    Attributes:
        row_bytes: from a row of pixels to the next.
        tiles_a_row: from a row of tiles to the next, in tiles.
    """

    def __init__(self, pixels: NDArray[np.uint8], touched: NDArray[np.bool_]) -> None:
        super().__init__(pixels)
        self.still = Surface(pixels.copy())
        self.touched = touched
        self.row_bytes, self.tiles_a_row = pixels.strides[0], touched.strides[0]
        self._bytes = as_strided(pixels, ((self.height - 1) * self.row_bytes + 3 * self.width,), (1,))
        self._tiles = as_strided(touched, ((len(touched) - 1) * self.tiles_a_row + touched.shape[1],), (1,))
        self._runs: dict[int, NDArray[np.void]] = {}

    @classmethod
    def blank(cls, width: int, height: int) -> Canvas:
        """Create a canvas. Its pixels are part of an array of whole tiles."""
        rows, columns = -(-height // TILE_ROWS), -(-width // TILE_COLUMNS)
        whole = np.zeros((rows * TILE_ROWS, columns * TILE_COLUMNS, 3), np.uint8)
        return cls(whole[:height, :width], np.ones((rows, columns), np.bool_))

    def part(self, rect: Rect) -> Canvas:
        """Return a canvas that draws on a part of this one, which must start and end at a tile or at the canvas's
        edge."""
        rows = slice(rect.y // TILE_ROWS, -(-rect.bottom // TILE_ROWS))
        tiles = self.touched[rows, rect.x // TILE_COLUMNS : -(-rect.right // TILE_COLUMNS)]
        return Canvas(self.pixels[rect.y : rect.bottom, rect.x : rect.right], tiles)

    def touch(self, rect: Rect) -> None:
        x, y, width, height = rect
        rows = slice(y // TILE_ROWS, (y + height - 1) // TILE_ROWS + 1)
        self.touched[rows, x // TILE_COLUMNS : (x + width - 1) // TILE_COLUMNS + 1] = True

    def runs(self, length: int) -> NDArray[np.void]:
        """Return all runs of this many pixels: items of the canvas's memory, indexed by their first byte."""
        if length not in self._runs:
            n_bytes = 3 * length
            shape = (len(self._bytes) - n_bytes + 1,)
            self._runs[length] = np.ndarray(shape, f"V{n_bytes}", buffer=self._bytes, strides=(1,))
        return self._runs[length]

    def tile_index(self, x: int, y: int) -> int:
        """Return the number of a pixel's tile."""
        return y // TILE_ROWS * self.tiles_a_row + x // TILE_COLUMNS

    def touch_tiles(self, tiles: NDArray[np.intp]) -> None:
        """Mark tiles as changed, by their numbers."""
        self._tiles[tiles] = True

    def restore(self, rect: Rect) -> None:
        """Restore the static layer in a rectangle that is completely inside."""
        x, y, width, height = rect
        part = (slice(y, y + height), slice(x, x + width))
        self.pixels[part] = self.still.pixels[part]
        self.touch(rect)


def make_ink(coverage: NDArray[np.uint8], color: Color, opacity: int) -> Ink:
    """Return the ink that stamps a mask, or a part of it, in a colour.

    Args:
        coverage: ``uint8[height, 3 * width]``, as in a mask.
    """
    share = coverage.astype(np.float32)
    if opacity != 255:
        share = np.round(share * (opacity / 255))
    share *= np.float32(1 / 255)
    added = share * np.tile(np.array(color, np.float32), share.shape[1] // 3)
    added += np.float32(0.5)
    return Ink(1 - share, added)


@lru_cache(maxsize=64)
def _cached_ink(mask: Mask, color: Color, opacity: int) -> Ink:
    """Cached for small shapes, most of which are stamped again at once or in the next frame."""
    return make_ink(mask.coverage, color, opacity)


def _blend(below: NDArray[np.uint8], ink: Ink) -> None:
    mixed = below * ink.kept
    mixed += ink.added
    below[:] = mixed
