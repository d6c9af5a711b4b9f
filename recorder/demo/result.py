"""Progress and result of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from time import perf_counter, perf_counter_ns

from recorder.demo.curriculum import Curriculum, S, StageTransition

__all__ = ["Stopwatch", "Tally", "TrainingProgress", "TrainingResult"]

RECENT_EPISODES = 50
"""Episodes that a progress report averages."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Progress of a run.

    Args:
        seconds: since the loop began.
        env_steps: steps of all lanes.
        n_episodes: finished episodes.
        stage: number of the stage of new episodes.
        epsilon: probability of a random action.
        recent_survival: mean steps of the latest episodes; 0 before the first has ended.
    """

    seconds: float
    env_steps: int
    n_episodes: int
    stage: int
    epsilon: float
    recent_survival: float


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Result of a run.

    Args:
        env_steps: steps of all lanes.
        survival_steps: length of each finished episode, in order.
        stage: number of the final stage.
        transitions: changes of the stage.
        seconds: duration of the loop.
        recording_seconds: time inside the recorder's calls.
        waiting_seconds: time in which a paced trainer slept.
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
        """Number of finished episodes."""
        return len(self.survival_steps)

    @property
    def first_fifth_survival(self) -> float:
        """Mean steps in the first fifth of episodes; 0 if none has ended."""
        return _mean(self.survival_steps[: self._fifth])

    @property
    def last_fifth_survival(self) -> float:
        """Mean steps in the last fifth of episodes; 0 if none has ended."""
        return _mean(self.survival_steps[-self._fifth :])

    @property
    def overhead_percent(self) -> float:
        """Time inside the recorder's calls, in percent of the loop's other computing time."""
        return 100 * self.recording_seconds / (self.seconds - self.recording_seconds - self.waiting_seconds)

    @property
    def _fifth(self) -> int:
        return max(1, self.n_episodes // 5)


class Tally:
    """Counts steps and episodes of a run; its clock starts at construction."""

    def __init__(self) -> None:
        self.env_steps = 0
        self.longest_episode = 0
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
        is_longest = survival_steps > self.longest_episode
        self.longest_episode = max(self.longest_episode, survival_steps)
        return is_longest

    def progress(self, *, stage: int, epsilon: float) -> TrainingProgress:
        return TrainingProgress(
            seconds=self.seconds,
            env_steps=self.env_steps,
            n_episodes=len(self._survival_steps),
            stage=stage,
            epsilon=epsilon,
            recent_survival=_mean(self._survival_steps[-RECENT_EPISODES:]),
        )

    def result(self, curriculum: Curriculum[S]) -> TrainingResult:
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
