"""What goes into the catalog and comes out of it: plain rows, one class a table and one a summary.

A row's fields have the names of the table's columns (``docs/catalog.md``), so that a row is written and read without a
map between them. JSON that few ask for stays text (``…_json``) until somebody does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

__all__ = [
    "START_CURSOR",
    "AnnotationRow",
    "CurvePoint",
    "EpisodePage",
    "EpisodeRow",
    "RecordingRow",
    "RunRow",
    "RunState",
    "RunSummary",
    "SegmentProgress",
    "SegmentRow",
    "Settlement",
    "VideoRow",
]

START_CURSOR = "0-0"
"""The id before the first entry of a Redis stream."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as a list shows it.

    Args:
        cursor: id of the last evaluated entry of the run's ``finished`` stream.
        last_activity_at: when an evaluation of the run was last committed, or when the run was first seen.
        n_refused: repeated episodes that were refused; n_late_keeps: requests to keep that came after the episode was
            gone.
    """

    run_id: str
    config: Mapping[str, Any] | None
    host: str | None
    started_unix_nanos: int | None
    cursor: str
    created_at: datetime
    last_activity_at: datetime
    ended_at: datetime | None
    n_refused: int
    n_late_keeps: int
    n_episodes: int
    n_recordings: int


@dataclass(frozen=True, slots=True)
class RunState:
    """What an evaluation starts from; a run that the catalog has not seen yet has the defaults."""

    cursor: str = START_CURSOR
    criteria_state_json: str = "{}"
    ended_at: datetime | None = None
    n_refused: int = 0
    n_late_keeps: int = 0

    @property
    def criteria_state(self) -> dict[str, Any]:
        """What the criteria remember, decoded anew.

        Raises:
            ValueError: what the catalog has is no JSON.
        """
        decoded: dict[str, Any] = json.loads(self.criteria_state_json)
        return decoded


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in numbers; ``n_bytes`` is what its episodes took in the stream."""

    run_id: str
    n_episodes: int
    by_decision: dict[str, int]
    by_status: dict[str, int]
    by_reason: dict[str, int]
    n_steps: int
    n_missing_steps: int
    n_bytes: int


@dataclass(slots=True)
class EpisodeRow:
    """One finished episode, kept or not.

    Args:
        play_id: which playing of the episode this is.
        decision: ``held`` while a criterion may still claim it, then ``kept`` or ``skipped``; ``deleted`` when a recording
            of it was there and is no more.
        reasons: why it is kept, in the criteria's order.
        why_json: the column ``why``.
        curriculum_stage, epsilon, intrinsic_weight, started_unix_nanos: None where nobody told them.
        env_steps: environment steps of the whole run when the episode finished; None where nobody told them.
        timestamp, finished_unix_nanos: when it ended; 0 where nobody told it.
        n_bytes: size in the stream.
        replaced_plays: how many earlier plays this one replaced.
        attempts, not_before, leased_until, parked, error: the state of the write job.
        tags: words that people put on the episode, sorted. Written by ``tag_episode`` only.
    """

    run_id: str
    episode_id: int
    play_id: int = 0
    lane: int = 0
    status: str = "complete"
    decision: str = "held"
    reasons: tuple[str, ...] = ()
    why_json: str = "[]"
    n_steps: int = 0
    n_missing_steps: int = 0
    survival_steps: int = 0
    total_reward: float = 0.0
    extrinsic_reward: float = 0.0
    intrinsic_reward: float = 0.0
    curriculum_stage: int | None = None
    epsilon: float | None = None
    intrinsic_weight: float | None = None
    timestamp: float = 0.0
    env_steps: int | None = None
    started_unix_nanos: int | None = None
    finished_unix_nanos: int = 0
    n_bytes: int = 0
    replaced_plays: int = 0
    written_at: datetime | None = None
    stream_dropped_at: datetime | None = None
    attempts: int = 0
    not_before: datetime | None = None
    leased_until: datetime | None = None
    parked: bool = False
    error: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether nobody needs its stream any more: it is skipped, written, or deleted since."""
        return self.decision in ("skipped", "deleted") or self.written_at is not None

    @property
    def why(self) -> list[dict[str, Any]]:
        """Every criterion's explanation: ``criterion``, ``keep``, ``value``, ``threshold``, ``detail``, ``reasons``."""
        try:
            decoded = json.loads(self.why_json)
        except (TypeError, ValueError):  # another program has written there
            return []
        return [it for it in decoded if isinstance(it, dict)] if isinstance(decoded, list) else []


@dataclass(frozen=True, slots=True)
class Settlement:
    """The decision about an episode that was held: ``kept`` or ``skipped``, with all its reasons and explanations.

    Args:
        why_json: for the column ``why``.
    """

    episode_id: int
    decision: str
    reasons: tuple[str, ...]
    why_json: str


@dataclass(frozen=True, slots=True)
class EpisodePage:
    """One page of a list; ``next_cursor`` asks for the one after it, None on the last."""

    episodes: list[EpisodeRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One episode on the learning curve."""

    episode_id: int
    env_steps: int | None
    total_reward: float
    survival_steps: int
    curriculum_stage: int | None
    recorded: bool


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """One episode file.

    Args:
        recording_reason: the first of ``reasons``; filled in from them when left out.
        curriculum_stage, epsilon, env_steps: None where nobody told them.
        timestamp: when the episode ended, seconds since 1970; 0 where nobody told it.
        file_path: relative to the recordings root, with forward slashes.
        file_size_bytes: size before compression; compressed_size_bytes: size on disk.
        play_id: the play that the file holds; None when it isn't known.
    """

    run_id: str
    episode_id: int
    survival_steps: int = 0
    total_reward: float = 0.0
    curriculum_stage: int | None = None
    recording_reason: str = ""
    timestamp: float = 0.0
    file_path: str = ""
    file_size_bytes: int = 0
    compressed_size_bytes: int = 0
    lane: int = 0
    status: str = "complete"
    n_steps: int = 0
    content_hash: str = ""
    format_version: int = 2
    epsilon: float | None = None
    env_steps: int | None = None
    recorded_at: datetime | None = None
    play_id: int | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoRow:
    """One video that was asked for.

    Args:
        video_id: hash of the episode and the options, so that the same request is the same video.
        state: ``queued``, ``rendering``, ``joining``, ``done``, ``failed`` or ``cancelled``.
        file_path: relative to the videos root; None until it is done.
        asked_by: an opaque name of the client that asked; empty for a person at a command line.
        turn: videos of the same client that were not finished when this one was asked for; smaller ones go first.
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


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One part of a video, from ``first_frame`` on.

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
    """How far a video's segments are; ``was_last`` is True for exactly one caller: the one who finished the last."""

    n_done: int
    n_total: int
    was_last: bool


@dataclass(frozen=True, slots=True)
class AnnotationRow:
    """A note on one step, or on ``step <= s < end_step``."""

    annotation_id: int
    run_id: str
    episode_id: int
    step: int
    end_step: int | None
    label: str
    text: str
    author: str
    color: str
    created_at: datetime
    updated_at: datetime
