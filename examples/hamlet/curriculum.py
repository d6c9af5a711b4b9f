"""Five stages, from a gentle world to a harsh one, and the rule by which the run moves between them.

All lanes share one stage: a transition is then one moment of the run, and the recorder's look-back and look-ahead show
every lane just before it and just after it. An episode is played whole in the stage it began in, so around a
transition episodes of both stages are open at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["STAGES", "Curriculum", "Stage", "StageTransition"]

WINDOW_EPISODES = 64
"""Finished episodes of the current stage that a verdict needs: two a lane at thirty-two lanes."""

BASICS = ("Bed", "Shower", "HomeMeal", "Job")
OUTDOORS = (*BASICS, "Labor", "Park", "Doctor")
TOWN = (*OUTDOORS, "FastFood", "Gym", "Bar", "Recreation")
EVERYTHING = (*TOWN, "LuxuryBed")


@dataclass(frozen=True, slots=True)
class Stage:
    """The rules of one stage.

    Args:
        number: 1 to 5.
        decay: factor on what every meter loses in a step.
        affordances: names of the places that can be used.
        opening_hours: whether places close.
        sparse_reward: rewards are saved up and paid four times a day, in place of at once.
        intrinsic_weight: weight of the novelty reward in what the agent learns from.
        advance_at: mean survival, a share of the longest episode, from which on the run moves to the next stage.
        retreat_at: mean survival below which it moves back.
    """

    number: int
    decay: float
    affordances: tuple[str, ...]
    opening_hours: bool
    sparse_reward: bool
    intrinsic_weight: float
    advance_at: float
    retreat_at: float


STAGES = (
    Stage(1, 0.80, BASICS, False, False, 0.10, advance_at=0.50, retreat_at=0.0),
    Stage(2, 0.90, OUTDOORS, False, False, 0.08, advance_at=0.60, retreat_at=0.30),
    Stage(3, 1.00, TOWN, True, False, 0.06, advance_at=0.65, retreat_at=0.40),
    Stage(4, 1.10, EVERYTHING, True, False, 0.04, advance_at=0.70, retreat_at=0.50),
    Stage(5, 1.25, EVERYTHING, True, True, 0.02, advance_at=2.0, retreat_at=0.55),
)
"""Nothing comes after the fifth, so its ``advance_at`` is out of reach; nothing before the first."""


@dataclass(frozen=True, slots=True)
class StageTransition:
    """The run moved from one stage to another when ``episode_id`` ended."""

    episode_id: int
    from_stage: int
    to_stage: int
    mean_survival: float


class Curriculum:
    """Moves the run up and down the stages by the mean survival of its latest episodes."""

    def __init__(
        self, max_steps: int, stages: tuple[Stage, ...] = STAGES, window_episodes: int = WINDOW_EPISODES
    ) -> None:
        self._max_steps = max_steps
        self._stages = stages
        self._window: deque[int] = deque(maxlen=window_episodes)
        self.stage = stages[0]
        self.transitions: list[StageTransition] = []

    def episode_ended(self, episode_id: int, *, stage: Stage, survival_steps: int) -> None:
        """Count a finished episode; afterwards ``stage`` is the one that new episodes begin in.

        Episodes that began in another stage say nothing about this one and are left out.
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
