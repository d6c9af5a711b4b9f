"""Rectangles of whole pixels; x points right, y points down."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

__all__ = ["Rect"]


class Rect(NamedTuple):
    """``x <= column < x + width``, ``y <= row < y + height``."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column after it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row after it."""
        return self.y + self.height

    @property
    def center(self) -> tuple[float, float]:
        """The centre, ``(x, y)``."""
        return self.x + self.width / 2, self.y + self.height / 2

    def inset(self, dx: int, dy: int | None = None) -> Rect:
        """Return it without a border of ``dx`` columns and ``dy`` rows (default ``dx``) on each side."""
        dy = dx if dy is None else dy
        return Rect(self.x + dx, self.y + dy, max(0, self.width - 2 * dx), max(0, self.height - 2 * dy))

    def overlaps(self, other: Rect) -> bool:
        """Return whether they share a pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def contains(self, other: Rect) -> bool:
        """Return whether ``other`` is completely inside."""
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom

    def columns(self, n: int, gap: int) -> list[Rect]:
        """Return ``n`` rectangles side by side with a ``gap`` between them; their widths differ by at most one."""
        edges = [self.x + round(i * (self.width + gap) / n) for i in range(n + 1)]
        return [Rect(a, self.y, max(0, b - gap - a), self.height) for a, b in pairwise(edges)]

    def rows(self, n: int, gap: int) -> list[Rect]:
        """Return ``n`` rectangles from top to bottom with a ``gap`` between them; their heights differ by at most
        one."""
        edges = [self.y + round(i * (self.height + gap) / n) for i in range(n + 1)]
        return [Rect(self.x, a, self.width, max(0, b - gap - a)) for a, b in pairwise(edges)]
