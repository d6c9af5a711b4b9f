"""What workers need of ended episodes to write their files. Of thousands at a time, so without the other columns."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ClaimedEpisode", "EpisodeToWrite"]


class ClaimedEpisode(NamedTuple):
    """A kept episode that a worker has leased."""

    run_id: str
    episode_id: int
    attempts: int


class EpisodeToWrite(NamedTuple):
    """A kept episode whose file is to be written, or one whose stream can be dropped. Fields as of ``EpisodeRow``."""

    run_id: str
    episode_id: int
    play_id: int
    status: str
    decision: str
    reasons: tuple[str, ...]
    n_steps: int
    survival_steps: int
    curriculum_stage: int | None
    n_bytes: int
    replaced_plays: int
    attempts: int
