"""What a render worker does all day, in a process that loads what a render worker loads."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from recorder.episode_file import open_episode
from recorder.video.options import VideoOptions
from worker.video.encoding.frame_loop import make_video
from worker.video.in_run import make_renderer

__all__ = ["make_videos"]


def make_videos(files: list[bytes], n_videos: int, n_warm: int, numbers: Any) -> None:
    """Make videos of the episodes in turn; put the memory in MB after the first ``n_warm`` and after all into ``numbers``."""
    warm = 0.0
    options = VideoOptions.chosen("debug-720p", preset="ultrafast")
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as folder:
        for i in range(n_videos):
            episode = open_episode(files[i % len(files)])
            make_video(make_renderer(episode, options), Path(folder, "video.mp4"), options)
            if i + 1 == n_warm:
                warm = _rss_mb()
    numbers.put((warm, _rss_mb()))


def _rss_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
