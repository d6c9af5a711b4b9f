"""What is drawn on: a picture of RGB pixels, and a canvas that knows which of its tiles a frame has changed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from worker.video.geometry import Rect
from worker.video.layout import MAX_SIDE
from worker.video.masks import Mask, lettering
from worker.video.theme import Color

__all__ = ["TILE", "Canvas", "Surface"]

TILE = 16
"""Columns and rows of the squares in which changes are counted."""


class Surface:
    """A picture. Whatever would lie outside is cut off.

    Args:
        pixels: ``uint8[height, width, 3]``, drawn on in place.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
        # The same memory with the three bands side by side: long rows are what numpy is fast at.
        self._rows = pixels.reshape(self.height, 3 * self.width)

    def touch(self, rect: Rect) -> None:
        """Note that a part has changed; a plain picture does not care."""

    def fill(self, rect: Rect, color: Color) -> None:
        """Paint a rectangle."""
        x, y = max(0, rect.x), max(0, rect.y)
        self.pixels[y : max(0, rect.bottom), x : max(0, rect.right)] = color
        self.touch(rect)

    def stamp(self, mask: Mask, x: int, y: int, color: Color, opacity: int = 255) -> None:
        """Paint a shape whose upper left corner lies at ``(x, y)``.

        Args:
            opacity: 0 to 255.
        """
        height, width = mask.shape[0], mask.shape[1] // 3
        left, top = max(0, -x), max(0, -y)
        right, bottom = min(width, self.width - x), min(height, self.height - y)
        if left >= right or top >= bottom:
            return
        if right - left < width or bottom - top < height:
            mask = mask[top:bottom, 3 * left : 3 * right]
        if opacity != 255:
            mask = _over_255(mask * np.uint16(opacity))
        below = self._rows[y + top : y + bottom, 3 * (x + left) : 3 * (x + right)]
        mixed = below * (255 - mask)
        mixed += mask * _color_row(color)[: mask.shape[1]]
        below[:] = _over_255(mixed)
        self.touch(Rect(x + left, y + top, right - left, bottom - top))

    def stamp_center(self, mask: Mask, x: float, y: float, color: Color, opacity: int = 255) -> None:
        """Paint a shape whose middle lies at ``(x, y)``."""
        self.stamp(mask, round(x - mask.shape[1] / 6), round(y - mask.shape[0] / 2), color, opacity)

    def text(
        self, text: str, x: float, baseline: int, size: int, color: Color, *, bold: bool = False, align: str = "left"
    ) -> None:
        """Write a line.

        Args:
            x: where the line starts, has its middle, or ends, as ``align`` says: ``left``, ``center`` or ``right``.
            baseline: the row on which the letters stand.
            size: of the font, in pixels.
        """
        letters = lettering(text, size, bold=bold)
        start = x - (0 if align == "left" else letters.width if align == "right" else letters.width / 2)
        if letters.mask.size:
            self.stamp(letters.mask, round(start) + letters.left, baseline - letters.top, color)


class Canvas(Surface):
    """A picture in two layers: ``still``, drawn once, and on top of it what moves.

    Args:
        pixels: ``uint8[height, width, 3]``, drawn on in place.
        touched: ``bool[tile rows, tile columns]``, set where something is drawn; whoever takes the frame clears it.
    """

    def __init__(self, pixels: NDArray[np.uint8], touched: NDArray[np.bool_]) -> None:
        super().__init__(pixels)
        self.still = Surface(pixels.copy())
        self.touched = touched

    @classmethod
    def blank(cls, width: int, height: int) -> Canvas:
        """A new canvas; its pixels are a part of an array that is whole tiles wide and high."""
        rows, columns = -(-height // TILE), -(-width // TILE)
        whole = np.zeros((rows * TILE, columns * TILE, 3), np.uint8)
        return cls(whole[:height, :width], np.ones((rows, columns), np.bool_))

    def part(self, rect: Rect) -> Canvas:
        """A canvas that draws on a part of this one; the part begins and ends with a tile, or with this canvas."""
        tiles = self.touched[rect.y // TILE : -(-rect.bottom // TILE), rect.x // TILE : -(-rect.right // TILE)]
        return Canvas(self.pixels[rect.y : rect.bottom, rect.x : rect.right], tiles)

    def touch(self, rect: Rect) -> None:
        rows = slice(max(0, rect.y) // TILE, max(0, rect.bottom + TILE - 1) // TILE)
        self.touched[rows, max(0, rect.x) // TILE : max(0, rect.right + TILE - 1) // TILE] = True

    def restore(self, rect: Rect) -> None:
        """Bring back the still layer in a rectangle."""
        rows, columns = slice(max(0, rect.y), max(0, rect.bottom)), slice(max(0, rect.x), max(0, rect.right))
        self.pixels[rows, columns] = self.still.pixels[rows, columns]
        self.touch(rect)


def _over_255(products: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Products of two numbers up to 255, divided by 255 and rounded, without a division; the argument is used up."""
    products += 128
    products += products >> 8
    products >>= 8
    return products


@lru_cache(maxsize=64)
def _color_row(color: Color) -> NDArray[np.uint16]:
    """A row of pixels of one colour."""
    return np.tile(np.array(color, np.uint16), MAX_SIDE)
