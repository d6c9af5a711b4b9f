"""The recorded picture of a step, as large as it fits, with sharp pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.outline import resized, rgb_of
from recorder.video.timeline import Moment
from worker.video.canvas.geometry import Rect
from worker.video.canvas.surface import Canvas, Surface
from worker.video.canvas.theme import Theme
from worker.video.layout import Layout
from worker.video.panels.panel import BODY, draw_plate, fitted

__all__ = ["PictureOf", "PicturePanel"]

PictureOf = Callable[[int], tuple[int, NDArray[Any]] | None]
"""Gives the picture of a step by its index, or the last one before it, with the index of its step; None if there is none."""

_FADED_SHARE = 0.35
"""Share of its brightness that a picture keeps in a step that has none."""


class PicturePanel:
    """Shows one picture a step.

    Args:
        picture_of: gives it.
        missing: what to write where there is none.
    """

    def __init__(
        self,
        picture_of: PictureOf,
        layout: Layout,
        theme: Theme,
        still: Surface,
        rect: Rect,
        *,
        missing: str,
    ) -> None:
        self._picture_of, self._layout, self._theme, self._missing = picture_of, layout, theme, missing
        self._inner = draw_plate(still, rect, layout, theme)
        self._shown = -1

    def draw(self, canvas: Canvas, moment: Moment) -> None:
        """Show the picture of the step; where it has none, the last one before it, faded, and a note."""
        index = moment.step_index
        if index == self._shown:
            return
        self._shown = index
        inner = self._inner
        canvas.restore(inner)
        found = self._picture_of(index)
        pixels = None if found is None else rgb_of(found[1])
        if found is not None and pixels is not None:
            if found[0] != index:
                pixels = (pixels * _FADED_SHARE + np.array(self._theme.panel) * (1 - _FADED_SHARE)).astype(np.uint8)
            self._paint(canvas, pixels)
        if found is None or found[0] != index:
            size = self._layout.px(BODY)
            text = fitted(self._missing, inner.width, size)
            canvas.text(text, inner.x + inner.width // 2, inner.bottom - size, size, self._theme.muted, align="center")

    def _paint(self, canvas: Canvas, pixels: NDArray[np.uint8]) -> None:
        inner = self._inner
        height, width, _ = pixels.shape
        scale = min(inner.height / height, inner.width / width)
        if scale >= 1:
            scale = int(scale)  # all pixels are of one size
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        shown = resized(pixels, rows, columns)
        x, y = inner.x + (inner.width - columns) // 2, inner.y + (inner.height - rows) // 2
        canvas.paint(shown.reshape(rows, 3 * columns), x, y)
