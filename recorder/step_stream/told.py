"""What workers tell the trainers of a run: they alone see the catalog."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KnownRun", "Refused"]


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What the catalog has of a run that has ended, or went on after that.

    Args:
        last_episode_id: the highest; -1 when there is none.
    """

    n_episodes: int
    last_episode_id: int
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """What workers refused of one trainer process.

    Args:
        n_steps: of those episodes.
        why: of the last one.
    """

    n_episodes: int = 0
    n_steps: int = 0
    why: str = ""
