"""A town of four places on a grid, with many lanes as arrays.

Nothing resets automatically: after ``step`` a lane shows the state after its action, even if the episode ended, until
``reset``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from recorder.episode import Substrate

__all__ = ["ACTION_NAMES", "MAX_STEPS", "STAGES", "Action", "Outcome", "TownStage", "World"]

Array = npt.NDArray[Any]

GRID_SIZE = 6
MAX_STEPS = 200
"""Longest episode."""

METER_NAMES = ("energy", "hygiene", "satiation", "money")
_ENERGY, _HYGIENE, _SATIATION, _MONEY = range(len(METER_NAMES))
_N_VITAL = 3
"""An episode ends when one of the first three meters is empty; money is only spent."""
_LOSS = np.array([0.020, 0.014, 0.024, 0.0], dtype=np.float32)
"""Loss of each meter per step at decay 1.0."""

PLACES = ("Bed", "Shower", "HomeMeal", "Job")
_GAIN = np.zeros((len(PLACES) + 1, len(METER_NAMES)), dtype=np.float32)
_GAIN[0, _ENERGY] = 0.35
_GAIN[1, _HYGIENE] = 0.40
_GAIN[2, [_SATIATION, _MONEY]] = 0.40, -0.10
_GAIN[3, [_MONEY, _ENERGY]] = 0.20, -0.03
"""What one INTERACT adds to each meter; the last row stands for a cell without a place."""

DEATH_REWARD = -2.0


class Action(IntEnum):
    """The agent's actions."""

    UP = 0
    DOWN = 1
    LEFT = 2
    RIGHT = 3
    INTERACT = 4


ACTION_NAMES = tuple(action.name for action in Action)
_MOVES = np.array([(0, -1), (0, 1), (-1, 0), (1, 0), (0, 0)])


@dataclass(frozen=True, slots=True)
class TownStage:
    """A stage: decay of meters, weight of the novelty reward, and limits of the curriculum."""

    number: int
    decay: float
    intrinsic_weight: float
    advance_at: float
    retreat_at: float


STAGES = (
    TownStage(1, 0.7, 0.10, advance_at=0.55, retreat_at=0.0),
    TownStage(2, 1.0, 0.05, advance_at=0.70, retreat_at=0.20),
    TownStage(3, 1.3, 0.02, advance_at=2.0, retreat_at=0.25),
)
"""The last ``advance_at`` is out of reach."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a step: ``reward`` float32[n_lanes], ``terminated`` and ``truncated`` bool[n_lanes]."""

    reward: Array
    terminated: Array
    truncated: Array


class World:
    """The town; its layout is the same for all lanes of a run.

    Attributes: ``position`` int64[n_lanes, 2], y downwards; ``meters`` float32[n_lanes, 4], 0 to 1; ``visits``
    int64[n_lanes, 5], uses of each place in this episode, and a last column for none.

    Args:
        n_lanes: number of parallel environments.
        seed: seed of the layout and of initial states.
    """

    def __init__(self, n_lanes: int, *, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        cells = self._random.choice(GRID_SIZE**2, len(PLACES), replace=False)
        self._place_at = np.full(GRID_SIZE**2, len(PLACES))
        self._place_at[cells] = np.arange(len(PLACES))
        self.layout = {
            name: (int(cell) % GRID_SIZE, int(cell) // GRID_SIZE) for name, cell in zip(PLACES, cells, strict=True)
        }
        self.position = np.zeros((n_lanes, 2), dtype=np.int64)
        self.meters = np.ones((n_lanes, len(METER_NAMES)), dtype=np.float32)
        self.visits = np.zeros((n_lanes, len(PLACES) + 1), dtype=np.int64)
        self._age = np.zeros(n_lanes, dtype=np.int64)
        self._decay = np.zeros((n_lanes, 1), dtype=np.float32)
        self._lanes = np.arange(n_lanes)
        self.reset(self._lanes, STAGES[0])

    def reset(self, lanes: Sequence[int] | Array, stage: TownStage) -> None:
        """Begin a new episode in these lanes."""
        lanes = np.asarray(lanes)
        self.position[lanes] = self._random.integers(GRID_SIZE, size=(len(lanes), 2))
        self.meters[lanes] = 0.5 + 0.4 * self._random.random((len(lanes), len(METER_NAMES)), dtype=np.float32)
        self.visits[lanes] = 0
        self._age[lanes] = 0
        self._decay[lanes] = stage.decay

    def masks(self) -> Array:
        """bool[n_lanes, 5]: allowed actions. Walls block moves; INTERACT needs a place that the agent can pay for."""
        x, y = self.position.T
        place = self._place()
        can_pay = self.meters[:, _MONEY] + _GAIN[place, _MONEY] >= 0
        usable = (place < len(PLACES)) & can_pay
        return np.stack((y > 0, y < GRID_SIZE - 1, x > 0, x < GRID_SIZE - 1, usable), axis=1)

    def states(self) -> Array:
        """int64[n_lanes] below ``n_states``: the cell, and whether each meter is low, medium or high."""
        levels = np.digitize(self.meters, (0.35, 0.7))
        index = self._cell()
        for meter in range(len(METER_NAMES)):
            index = index * 3 + levels[:, meter]
        return index

    @property
    def n_states(self) -> int:
        """Number of states."""
        return int(GRID_SIZE**2 * 3 ** len(METER_NAMES))

    def step(self, actions: Array) -> Outcome:
        """Step every lane; a masked action does nothing."""
        actions = np.where(self.masks()[self._lanes, actions], actions, -1)
        place = np.where(actions == Action.INTERACT, self._place(), len(PLACES))
        self.visits[self._lanes, place] += 1
        before = _wellbeing(self.meters)
        self.position += np.where((actions >= 0)[:, None], _MOVES[actions], 0)
        self.meters = np.clip(self.meters - self._decay * _LOSS + _GAIN[place], 0, 1)
        self._age += 1
        terminated: Array = np.any(self.meters[:, :_N_VITAL] <= 0, axis=1)
        truncated = (self._age >= MAX_STEPS) & ~terminated
        reward = np.where(terminated, DEATH_REWARD, 5 * (_wellbeing(self.meters) - before))
        return Outcome(reward.astype(np.float32), terminated, truncated)

    def describe(self) -> dict[str, Any]:
        """Metadata of the run for ``EpisodeRecorder``."""
        return {
            "meter_names": METER_NAMES,
            "action_names": ACTION_NAMES,
            "grid_size": GRID_SIZE,
            "substrate": Substrate("grid", 2, GRID_SIZE, GRID_SIZE),
            "affordance_layout": self.layout,
        }

    def _cell(self) -> Array:
        return self.position[:, 1] * GRID_SIZE + self.position[:, 0]

    def _place(self) -> Array:
        return self._place_at[self._cell()]


def _wellbeing(meters: Array) -> Array:
    """float32[n_lanes], 0 to 1. Squares make the emptiest meter the most valuable to fill."""
    emptiness: Array = np.square(1 - meters).mean(1)
    return 1 - emptiness
