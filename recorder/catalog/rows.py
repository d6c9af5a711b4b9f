"""Rows that go into and come out of the catalog.

Fields are named like the columns (``docs/catalog.md``). Rarely used JSON stays text (``…_json``) until it is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from recorder.agents import AgentInfo

__all__ = [
    "START_CURSOR",
    "AnnotationRow",
    "CurvePoint",
    "Decision",
    "EpisodePage",
    "EpisodeRow",
    "RecordingRow",
    "RunRow",
    "RunState",
    "RunSummary",
    "UnreadableValue",
    "duration_of",
]


def duration_of(started_unix_nanos: int | None, finished_unix_nanos: int) -> float | None:
    """Seconds between two times; None if one is unknown."""
    if not started_unix_nanos or finished_unix_nanos < started_unix_nanos:
        return None
    return (finished_unix_nanos - started_unix_nanos) / 1e9


START_CURSOR = "0-0"
"""The id before the first entry of a Redis stream."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list.

    Args:
        cursor: id of the last evaluated entry of the run's ``finished`` stream.
        last_activity_at: time of the last committed evaluation, or of the run's first appearance.
        n_refused: repeated episodes that were refused.
        n_late_keeps: calls of ``keep`` after the episode was gone.
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
    """Starting point of an evaluation; the defaults are those of a new run."""

    cursor: str = START_CURSOR
    criteria_state_json: str = "{}"
    ended_at: datetime | None = None
    n_refused: int = 0
    n_late_keeps: int = 0

    @property
    def criteria_state(self) -> dict[str, Any]:
        """State of the criteria, decoded.

        Raises:
            ValueError: the stored text is not JSON.
        """
        try:
            decoded: dict[str, Any] = json.loads(self.criteria_state_json)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return decoded


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Totals of a run; ``n_bytes`` is the size of its episodes in the stream."""

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
    """A finished episode, whether kept or not.

    Args:
        play_id: the play of the episode.
        decision: ``held`` while a criterion may claim it, then ``kept`` or ``skipped``; ``deleted`` after its recording
            was deleted.
        reasons: reasons to keep it, in the order of the criteria.
        why_json: the column ``why``.
        curriculum_stage, epsilon, intrinsic_weight, started_unix_nanos: None if unknown.
        env_steps: environment steps of the whole run when the episode ended; None if unknown.
        timestamp, finished_unix_nanos: end of the episode; 0 if unknown.
        n_bytes: size in the stream.
        replaced_plays: number of earlier plays that this one replaced.
        attempts, not_before, leased_until, parked, error: state of the write job.
        metrics: numbers in its ``info``; None if it has none.
        tags: sorted; only ``tag_episode`` writes them.
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
    metrics: Mapping[str, float] | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether its stream can be dropped: skipped, written or deleted."""
        return self.decision in ("skipped", "deleted") or self.written_at is not None

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end; None if unknown."""
        return duration_of(self.started_unix_nanos, self.finished_unix_nanos)

    @property
    def why(self) -> list[dict[str, Any]]:
        """Explanations of the criteria: ``criterion``, ``keep``, ``value``, ``threshold``, ``detail``, ``reasons``."""
        try:
            decoded = json.loads(self.why_json)
        except (TypeError, ValueError, RecursionError):  # written by another program
            return []
        return [it for it in decoded if isinstance(it, dict)] if isinstance(decoded, list) else []


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about a held episode: ``kept`` or ``skipped``, with all reasons and explanations.

    Args:
        why_json: for the column ``why``.
    """

    episode_id: int
    decision: str
    reasons: tuple[str, ...]
    why_json: str


@dataclass(frozen=True, slots=True)
class EpisodePage:
    """A page of a list; ``next_cursor`` is None on the last page."""

    episodes: list[EpisodeRow]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """An episode on the learning curve.

    Args:
        n_missing_steps: lost steps.
        metrics: numbers in its ``info``; None if it has none.
        duration: seconds from its start to its end; None if unknown.
    """

    episode_id: int
    env_steps: int | None
    total_reward: float
    survival_steps: int
    curriculum_stage: int | None
    recorded: bool
    status: str = "complete"
    extrinsic_reward: float = 0.0
    intrinsic_reward: float = 0.0
    intrinsic_weight: float | None = None
    epsilon: float | None = None
    n_missing_steps: int = 0
    metrics: Mapping[str, float] | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """An episode file.

    Args:
        recording_reason: the first of ``reasons``; set from them if empty.
        curriculum_stage, epsilon, env_steps: None if unknown.
        timestamp: end of the episode, in seconds since 1970; 0 if unknown.
        file_path: relative to the recordings root, with forward slashes; may be in a pack.
        file_size_bytes: size before compression.
        compressed_size_bytes: size on disk, or its share of its pack.
        play_id: the play in the file; None if unknown.
        seed: what the environment was reset with, in digits; None if unknown.
        agents: written to ``recording_agents``, and empty for a single agent; None keeps those there. Rows are read
            without them: ``list_agents`` has them.
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
    seed: str | None = None
    agents: Sequence[AgentInfo] | None = None


@dataclass(frozen=True, slots=True)
class AnnotationRow:
    """An annotation of a step, or of ``step <= s < end_step``."""

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


class UnreadableValue(NamedTuple):
    """A value that this program cannot have written.

    Args:
        key: the row's primary key, as text.
    """

    table: str
    key: str
    column: str
