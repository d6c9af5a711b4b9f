"""The recorded picture of a step as a thumbnail, in its own aspect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recorder.outline import picture_before, resized, rgb_of, shown_pictures
from recorder.outline.agents import find_agent
from replay_server.episodes.recorded import OpenedRecording
from replay_server.episodes.thumbnail_marks import Palette

__all__ = ["draw_recorded"]

_MAX_ASPECT = 2.0
"""Taller or wider pictures have borders, because all thumbnails on the page have the same shape."""


def draw_recorded(
    opened: OpenedRecording, index: int, size: int, palette: Palette, *, is_square: bool = False
) -> NDArray[np.uint8] | None:
    """``uint8[height, size, 3]``: the picture of the step, or the last one before it; None if there is none.

    Args:
        is_square: with borders, so that the height is ``size``.
    """
    shown = find_agent(opened.outline.agents.infos(opened.episode.metadata.intrinsic_weight), None)
    pictures = shown_pictures(opened.episode.schema, shown)
    found = picture_before(opened.episode, pictures[0], index) if pictures and opened.n_steps else None
    pixels = None if found is None else rgb_of(found[1])
    if pixels is None:
        return None
    height, width, _ = pixels.shape
    aspect = 1.0 if is_square else min(max(height / width, 1 / _MAX_ASPECT), _MAX_ASPECT)
    canvas = np.empty((round(size * aspect), size, 3), np.uint8)
    canvas[:] = palette.ground
    scale = min(canvas.shape[0] / height, size / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (canvas.shape[0] - rows) // 2, (size - columns) // 2
    canvas[top : top + rows, left : left + columns] = resized(pixels, rows, columns)
    return canvas
