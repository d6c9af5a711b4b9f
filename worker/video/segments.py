"""How a video is cut into parts that several workers render at once. Pure."""

from __future__ import annotations

import math
from fractions import Fraction

__all__ = ["cut"]

PIXELS_A_SEGMENT = 2**30
"""About 500 frames of 1920x1080: half a minute of work on one slow core, far under the time limit of a task."""


def cut(
    n_frames: int, *, width: int, height: int, fps: Fraction, keyframe_secs: float, whole: bool
) -> list[tuple[int, int]]:
    """The segments: first frame and number of frames of each; together every frame once, in order.

    All but the last are whole groups of pictures, so that the joined video has its key frames at the places of a straight one.

    Args:
        whole: the format can't be joined: one segment.
    """
    if whole:
        return [(0, n_frames)]
    group = max(1, round(keyframe_secs * fps))
    wanted = max(1, PIXELS_A_SEGMENT // (width * height))
    size = max(1, math.ceil(wanted / group)) * group
    return [(start, min(size, n_frames - start)) for start in range(0, n_frames, size)]
