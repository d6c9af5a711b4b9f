"""What a training run reports: on its way, and at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from examples.hamlet.curriculum import StageTransition

__all__ = ["TrainingProgress", "TrainingResult"]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a run stands.

    Args:
        seconds: since the loop began.
        env_steps: steps lived, all lanes together.
        n_episodes: episodes that ended.
        stage: number of the stage in which new episodes begin.
        epsilon: chance of a random action.
        recent_survival: mean steps survived over the latest episodes; 0 before the first has ended.
    """

    seconds: float
    env_steps: int
    n_episodes: int
    stage: int
    epsilon: float
    recent_survival: float


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What came out of a run.

    Args:
        env_steps: steps lived, all lanes together.
        survival_steps: length of each finished episode, in the order in which they ended.
        stage: number of the stage reached.
        transitions: how the run got there.
        seconds: duration of the loop.
        recording_seconds: the part of it spent inside the recorder's calls.
    """

    env_steps: int
    survival_steps: tuple[int, ...]
    stage: int
    transitions: tuple[StageTransition, ...]
    seconds: float
    recording_seconds: float

    @property
    def n_episodes(self) -> int:
        """Episodes that ended."""
        return len(self.survival_steps)

    @property
    def first_fifth_survival(self) -> float:
        """Mean steps survived in the first fifth of the episodes; 0 when none has ended."""
        return _mean(self.survival_steps[: self._fifth])

    @property
    def last_fifth_survival(self) -> float:
        """Mean steps survived in the last fifth of the episodes; 0 when none has ended."""
        return _mean(self.survival_steps[-self._fifth :])

    @property
    def overhead_percent(self) -> float:
        """Time inside the recorder's calls, in percent of the loop's time without them."""
        return 100 * self.recording_seconds / (self.seconds - self.recording_seconds)

    @property
    def _fifth(self) -> int:
        return max(1, self.n_episodes // 5)


def _mean(values: Sequence[int]) -> float:
    return fmean(values) if values else 0.0
