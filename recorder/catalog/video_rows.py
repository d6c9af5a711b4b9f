"""Rows of videos and their segments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

__all__ = ["SegmentProgress", "SegmentRow", "VideoRow"]


@dataclass(frozen=True, slots=True)
class VideoRow:
    """A requested video.

    Args:
        video_id: hash of episode and options.
        state: ``queued``, ``rendering``, ``joining``, ``done``, ``failed`` or ``cancelled``.
        file_path: relative to the videos root; None until done.
        asked_by: opaque id of the client; empty for the command line.
        turn: number of the client's unfinished videos at the request; smaller ones are rendered first.
        note: what a worker found; None for nothing.
    """

    video_id: str
    run_id: str
    episode_id: int
    options: dict[str, Any]
    state: str
    n_frames_done: int
    n_frames_total: int
    n_segments_done: int
    n_segments_total: int
    attempts: int
    error: str | None
    file_path: str | None
    file_size_bytes: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    not_before: datetime | None
    leased_until: datetime | None
    asked_by: str
    turn: int
    note: str | None


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A part of a video, starting at ``first_frame``.

    Args:
        state: ``queued``, ``rendering``, ``done`` or ``failed``.
    """

    video_id: str
    segment_index: int
    first_frame: int
    n_frames: int
    state: str
    attempts: int
    leased_until: datetime | None
    file_path: str | None
    error: str | None


class SegmentProgress(NamedTuple):
    """Progress of a video's segments; ``was_last`` is True only for the call that finished the last one."""

    n_done: int
    n_total: int
    was_last: bool
