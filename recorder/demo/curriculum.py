"""Stages of increasing difficulty, and the rule that moves a run between them.

All lanes share one stage, so a transition is one moment of the run. An episode keeps the stage in which it began, so
around a transition episodes of both stages are open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

__all__ = ["Curriculum", "Stage", "StageTransition"]

WINDOW_EPISODES = 64
"""Finished episodes of the current stage that the rule averages."""


class Stage(Protocol):
    """A stage, as the rule needs it.

    ``number`` counts from 1. The run advances when mean survival, as a share of the longest episode, reaches
    ``advance_at``, and moves back when it falls below ``retreat_at``.
    """

    @property
    def number(self) -> int: ...

    @property
    def advance_at(self) -> float: ...

    @property
    def retreat_at(self) -> float: ...


S = TypeVar("S", bound=Stage)


@dataclass(frozen=True, slots=True)
class StageTransition:
    """The run changed its stage when ``episode_id`` ended."""

    episode_id: int
    from_stage: int
    to_stage: int
    mean_survival: float


class Curriculum(Generic[S]):
    """Moves the run between stages by the mean survival of its latest episodes."""

    def __init__(self, max_steps: int, stages: Sequence[S], window_episodes: int = WINDOW_EPISODES) -> None:
        self._max_steps = max_steps
        self._stages = stages
        self._window: deque[int] = deque(maxlen=window_episodes)
        self.stage = stages[0]
        self.transitions: list[StageTransition] = []

    def episode_ended(self, episode_id: int, *, stage: S, survival_steps: int) -> None:
        """Count a finished episode; new episodes then begin in ``stage``.

        Episodes that began in another stage are ignored.
        """
        if stage is not self.stage:
            return
        self._window.append(survival_steps)
        if len(self._window) < (self._window.maxlen or 0):
            return
        mean_survival = sum(self._window) / len(self._window)
        share = mean_survival / self._max_steps
        index = self._stages.index(stage)
        if share >= stage.advance_at and index + 1 < len(self._stages):
            target = self._stages[index + 1]
        elif share < stage.retreat_at and index > 0:
            target = self._stages[index - 1]
        else:
            return
        self.transitions.append(StageTransition(episode_id, stage.number, target.number, mean_survival))
        self.stage = target
        self._window.clear()
