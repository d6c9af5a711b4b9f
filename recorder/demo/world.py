"""A town of four places on a grid, many lanes at once: arrays with a leading lane axis.

Nothing resets by itself: after ``step`` a lane shows the state that its action reached, also where the episode ended,
until the caller calls ``reset``.
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
"""The agent dies when one of the first three meters is empty. Money is only ever spent."""
_LOSS = np.array([0.020, 0.014, 0.024, 0.0], dtype=np.float32)
"""What a meter loses in one step at decay 1.0."""

PLACES = ("Bed", "Shower", "HomeMeal", "Job")
_GAIN = np.zeros((len(PLACES) + 1, len(METER_NAMES)), dtype=np.float32)
_GAIN[0, _ENERGY] = 0.35
_GAIN[1, _HYGIENE] = 0.40
_GAIN[2, [_SATIATION, _MONEY]] = 0.40, -0.10
_GAIN[3, [_MONEY, _ENERGY]] = 0.20, -0.03
"""What one INTERACT adds to each meter; the last row stands for a cell without a place."""

DEATH_REWARD = -2.0


class Action(IntEnum):
    """What the agent can do in a step."""

    UP = 0
    DOWN = 1
    LEFT = 2
    RIGHT = 3
    INTERACT = 4


ACTION_NAMES = tuple(action.name for action in Action)
_MOVES = np.array([(0, -1), (0, 1), (-1, 0), (1, 0), (0, 0)])


@dataclass(frozen=True, slots=True)
class TownStage:
    """The rules of one stage: how fast meters fall, the weight of the novelty reward, and when a run moves on."""

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
"""Nothing comes after the third, so its ``advance_at`` is out of reach."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the actions earned: ``reward`` float32[n_lanes], ``terminated`` and ``truncated`` bool[n_lanes]."""

    reward: Array
    terminated: Array
    truncated: Array


class World:
    """The town; its layout is the same for all lanes of a run.

    Args:
        n_lanes: lives lived side by side.
        seed: of the layout, and of where and how each episode begins.

    The state, for reading: ``position`` int64[n_lanes, 2], y downwards; ``meters`` float32[n_lanes, 4], 0 to 1;
    ``visits`` int64[n_lanes, 5], uses of each place in this episode and a last column for none.
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
        """bool[n_lanes, 5]: not into walls; INTERACT only at a place, and at one that the agent can pay."""
        x, y = self.position.T
        place = self._place()
        can_pay = self.meters[:, _MONEY] + _GAIN[place, _MONEY] >= 0
        usable = (place < len(PLACES)) & can_pay
        return np.stack((y > 0, y < GRID_SIZE - 1, x > 0, x < GRID_SIZE - 1, usable), axis=1)

    def states(self) -> Array:
        """int64[n_lanes], 0 to ``n_states``: the cell, and whether each meter is low, middling or high."""
        levels = np.digitize(self.meters, (0.35, 0.7))
        index = self._cell()
        for meter in range(len(METER_NAMES)):
            index = index * 3 + levels[:, meter]
        return index

    @property
    def n_states(self) -> int:
        """Number of different states."""
        return int(GRID_SIZE**2 * 3 ** len(METER_NAMES))

    def step(self, actions: Array) -> Outcome:
        """Live one step in every lane; a masked action does nothing."""
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
        """What all lives have in common, as ``EpisodeRecorder`` takes it."""
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
    """float32[n_lanes] in 0 to 1: the squares make filling the emptiest meter worth the most."""
    emptiness: Array = np.square(1 - meters).mean(1)
    return 1 - emptiness
