"""Frames drawn elsewhere, such as by an environment: pictures in order, enlarged for a video."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recorder.errors import VideoError
from recorder.video.limits import MAX_SIDE
from worker.video.canvas.surface import Canvas

__all__ = ["PictureFrames"]

_LEAST_HEIGHT = 400
"""Smaller pictures are enlarged by a whole factor, so that they stay sharp."""


class PictureFrames:
    """A source of frames for ``make_video`` that must be drawn in order, once.

    Args:
        draw_next: returns the next picture, ``uint8[height, width, 3]``; all have the same size.
        n_frames: number of pictures.

    Raises:
        VideoError: the first picture is invalid.
    """

    def __init__(self, draw_next: Callable[[], object], n_frames: int) -> None:
        self._draw_next = draw_next
        self.n_frames = n_frames
        self._next_picture: NDArray[np.uint8] | None = _picture(draw_next())
        height, width = self._next_picture.shape[:2]
        self._scale = max(1, -(-_LEAST_HEIGHT // height))
        if max(height, width) * self._scale > MAX_SIDE:
            self._scale = 1
        # The encoder needs even sides: an odd one gets one more pixel, which stays black.
        shown = (width * self._scale, height * self._scale)
        self.canvas = Canvas.blank(*(side + side % 2 for side in shown))

    def draw(self, frame: int) -> None:
        """Draw the next frame, whatever its number."""
        picture = self._next_picture if self._next_picture is not None else _picture(self._draw_next())
        self._next_picture = None
        large = picture.repeat(self._scale, axis=0).repeat(self._scale, axis=1)
        height, width = large.shape[:2]
        if height > self.canvas.height or width > self.canvas.width:
            raise VideoError(
                f"frame {frame}: the size of the picture has changed to {picture.shape[1]}x{picture.shape[0]} pixels"
            )
        self.canvas.paint(large.reshape(height, 3 * width), 0, 0)


def _picture(drawn: object) -> NDArray[np.uint8]:
    array = np.asarray(drawn)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
        raise VideoError(f"expected a picture uint8[height, width, 3], found {array.dtype}{list(array.shape)}")
    return array
