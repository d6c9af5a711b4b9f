"""What a training run reports, on its way and at its end, and how that is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from time import perf_counter, perf_counter_ns

from recorder.demo.curriculum import Curriculum, S, StageTransition

__all__ = ["Stopwatch", "Tally", "TrainingProgress", "TrainingResult"]

RECENT_EPISODES = 50
"""Latest episodes that a progress report averages over."""


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
        waiting_seconds: the part of it in which a trainer that keeps a pace did nothing.
    """

    env_steps: int
    survival_steps: tuple[int, ...]
    stage: int
    transitions: tuple[StageTransition, ...]
    seconds: float
    recording_seconds: float
    waiting_seconds: float = 0.0

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
        """Time inside the recorder's calls, in percent of the time that the loop computed without them."""
        return 100 * self.recording_seconds / (self.seconds - self.recording_seconds - self.waiting_seconds)

    @property
    def _fifth(self) -> int:
        return max(1, self.n_episodes // 5)


class Tally:
    """Counts a run while it goes on; its clock starts when it is made."""

    def __init__(self) -> None:
        self.env_steps = 0
        self.longest_life = 0
        self.recording = Stopwatch()
        self.waiting = Stopwatch()
        self._survival_steps: list[int] = []
        self._began = perf_counter()

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return perf_counter() - self._began

    def count_episode(self, survival_steps: int) -> bool:
        """Count a finished episode; returns whether it is the longest so far."""
        self._survival_steps.append(survival_steps)
        is_longest = survival_steps > self.longest_life
        self.longest_life = max(self.longest_life, survival_steps)
        return is_longest

    def progress(self, *, stage: int, epsilon: float) -> TrainingProgress:
        """Where the run stands now."""
        return TrainingProgress(
            seconds=self.seconds,
            env_steps=self.env_steps,
            n_episodes=len(self._survival_steps),
            stage=stage,
            epsilon=epsilon,
            recent_survival=_mean(self._survival_steps[-RECENT_EPISODES:]),
        )

    def result(self, curriculum: Curriculum[S]) -> TrainingResult:
        """What came out of the run."""
        return TrainingResult(
            env_steps=self.env_steps,
            survival_steps=tuple(self._survival_steps),
            stage=curriculum.stage.number,
            transitions=tuple(curriculum.transitions),
            seconds=self.seconds,
            recording_seconds=self.recording.nanos / 1e9,
            waiting_seconds=self.waiting.nanos / 1e9,
        )


class Stopwatch:
    """Adds up the time spent in its ``with`` blocks."""

    def __init__(self) -> None:
        self.nanos = 0
        self._began = 0

    def __enter__(self) -> None:
        self._began = perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        self.nanos += perf_counter_ns() - self._began


def _mean(values: Sequence[int]) -> float:
    return fmean(values) if values else 0.0
