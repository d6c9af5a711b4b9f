"""The spoken sentences, written over the frames of any kind of video."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from worker.video.canvas.geometry import Rect
from worker.video.canvas.masks import rounded, text_width
from worker.video.canvas.surface import Canvas
from worker.video.canvas.theme import find_theme
from worker.video.encoding.frame_loop import FrameSource
from worker.video.narration.captions import Cue
from worker.video.panels.panel import fitted

__all__ = ["Subtitled"]

_MOST_LINES = 2
_SIZE_SHARE, _LEAST_SIZE = 0.034, 9
"""Size of a letter: share of the frame's shorter side, and pixels."""
_WIDTH_SHARE = 0.86
_OPACITY = 225


class Subtitled:
    """A source of frames with sentences near the lower edge.

    Args:
        source: draws the frames.
        cues: in order, without overlap.
        fps: frames a second.
        style: of the theme.
    """

    def __init__(self, source: FrameSource, cues: Sequence[Cue], *, fps: Fraction, style: str) -> None:
        self._source, self._cues, self._fps = source, cues, fps
        self._starts = [round(cue.start * fps) for cue in cues]
        self._theme = find_theme(style)
        self._below: tuple[Rect, NDArray[np.uint8]] | None = None

    @property
    def canvas(self) -> Canvas:
        """The canvas to draw on, complete."""
        return self._source.canvas

    @property
    def n_frames(self) -> int:
        """Number of frames of the whole video."""
        return self._source.n_frames

    def draw(self, frame: int) -> None:
        """Draw a frame on the canvas."""
        if self._below is not None:
            rect, pixels = self._below
            self.canvas.paint(pixels, rect.x, rect.y)
            self._below = None
        self._source.draw(frame)
        place = bisect_right(self._starts, frame) - 1
        if place >= 0 and frame < self._cues[place].end * self._fps:
            self._write(self._cues[place].text)

    def _write(self, text: str) -> None:
        canvas, theme = self.canvas, self._theme
        size = max(_LEAST_SIZE, round(_SIZE_SHARE * min(canvas.width, canvas.height)))
        padding = size // 2
        lines = _lines(text, round(_WIDTH_SHARE * canvas.width) - 2 * padding, size)
        width = min(canvas.width, max(text_width(line, size, bold=True) for line in lines) + 2 * padding)
        line_height = round(1.35 * size)
        height = len(lines) * line_height + padding
        plate = Rect((canvas.width - width) // 2, max(0, canvas.height - height - 2 * size), width, height)
        self._below = plate, canvas.picture(plate)
        canvas.stamp(rounded(plate.width, plate.height, padding), plate.x, plate.y, theme.page, _OPACITY)
        for number, line in enumerate(lines):
            baseline = plate.y + padding // 2 + number * line_height + size
            canvas.text(line, canvas.width / 2, baseline, size, theme.ink, bold=True, align="center")


def _lines(text: str, width: int, size: int) -> list[str]:
    """The text in one or two lines, cut off if it is longer."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(lines) < _MOST_LINES and text_width(longer, size, bold=True) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return [fitted(line, width, size, bold=True) for line in lines]
