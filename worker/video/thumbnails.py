"""Small pictures of an episode for lists: a still, and a preview that moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.video.kinds import check_kinds
from recorder.video.options import PROFILES, VideoOptions
from worker.video.export import make_renderer
from worker.video.making import VideoFile, make_video

__all__ = ["draw_thumbnail", "export_preview"]

_PREVIEW_SECS = 4.0
_PREVIEW_SIZE = (480, 270)


def draw_thumbnail(
    episode: Episode, *, step_index: int = -1, width: int = 480, style: str = "dark"
) -> NDArray[np.uint8]:
    """One step of an episode, drawn large and made small, so that lines stay and only text gets lost.

    Args:
        step_index: from 0; negative counts from the end.
        width: of the picture in pixels; its height is 9/16 of it.

    Returns:
        ``uint8[height, width, 3]``, RGB.

    Raises:
        UsageError: there is no such step, or the size is impossible.
    """
    check_kinds(step_index=step_index, width=width, style=style)
    if not -episode.n_steps <= step_index < episode.n_steps:
        raise UsageError(f"step {step_index} of an episode of {episode.n_steps} steps")
    index = step_index % episode.n_steps
    height = round(width * 9 / 16)
    options = VideoOptions(width=4 * width, height=4 * height, style=style, first_step=index, end_step=index + 1)
    large = make_renderer(episode, options).frame(0)
    blocks = large.reshape(height, 4, width, 4, 3)
    small: NDArray[np.uint8] = np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return small


def export_preview(episode: Episode, path: Path, *, style: str = "dark") -> VideoFile:
    """A short loop of the whole episode, for hovering over a list.

    Args:
        path: a ``.gif``.

    Raises:
        UsageError: the recording holds no steps, or the path has another suffix.
        VideoError: ffmpeg failed.
    """
    check_kinds(output_path=path, style=style)
    options = PROFILES["gif"]
    width, height = _PREVIEW_SIZE
    pace = max(options.fps, episode.n_steps / _PREVIEW_SECS)
    options = replace(options, width=width, height=height, style=style, steps_per_second=min(pace, 1000.0))
    return make_video(make_renderer(episode, options), path, options)
