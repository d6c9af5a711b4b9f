"""How a video is cut into parts that several workers render at once. Pure."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

__all__ = ["cut"]

PIXELS_A_SEGMENT = 2**30
"""About 500 frames of 1920x1080: half a minute of work on one slow core, far under the time limit of a task."""


def cut(
    n_frames: int, *, width: int, height: int, fps: Fraction, keyframe_secs: float, whole: bool
) -> list[tuple[int, int]]:
    """The segments: first frame and number of frames of each; together every frame once, in order.

    All but the last are whole groups of pictures, so that the joined video has its key frames at the places of a straight
    one. They differ by one group at most, so that workers that share them are done at the same time.

    Args:
        whole: the format can't be joined: one segment.
    """
    if whole:
        return [(0, n_frames)]
    group = max(1, round(keyframe_secs * fps))
    wanted = max(1, PIXELS_A_SEGMENT // (width * height))
    n_groups = math.ceil(n_frames / group)
    n_segments = math.ceil(n_groups / math.ceil(wanted / group))
    edges = [min(n_frames, i * n_groups // n_segments * group) for i in range(n_segments + 1)]
    return [(start, end - start) for start, end in pairwise(edges)]
