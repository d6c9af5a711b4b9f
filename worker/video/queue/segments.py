"""Cuts a video into segments that several workers render in parallel. Pure."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

__all__ = ["cut"]

PIXELS_A_SEGMENT = 2**30
"""About 500 frames of 1920x1080: half a minute on one slow core, far below the time limit of a task."""


def cut(
    n_frames: int, *, width: int, height: int, fps: Fraction, keyframe_secs: float, whole: bool
) -> list[tuple[int, int]]:
    """Return first frame and number of frames of each segment; together they cover every frame once, in order.

    All but the last consist of whole groups of pictures, so the joined video has its key frames where a video made at
    once has them. They differ by at most one group, so that workers finish at the same time.

    Args:
        whole: return one segment, because the format can't be joined.
    """
    if whole:
        return [(0, n_frames)]
    group = max(1, round(keyframe_secs * fps))
    wanted = max(1, PIXELS_A_SEGMENT // (width * height))
    n_groups = math.ceil(n_frames / group)
    n_segments = math.ceil(n_groups / math.ceil(wanted / group))
    edges = [min(n_frames, i * n_groups // n_segments * group) for i in range(n_segments + 1)]
    return [(start, end - start) for start, end in pairwise(edges)]
