"""The world, many lanes at once: every state is a tensor with a leading lane axis, on any device.

Nothing here waits for the device, and nothing resets by itself: after ``step`` the lanes show the state that the action
reached, also where an episode ended, until the caller has looked at it and calls ``reset``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor

from examples.hamlet.affordances import AFFORDANCES, DECAY, HUNGERS, METER_NAMES, VITAL_METERS
from examples.hamlet.curriculum import STAGES, Stage
from recorder import Substrate

__all__ = [
    "ACTION_NAMES",
    "GRID_SIZE",
    "HOURS",
    "MAX_STEPS",
    "Action",
    "HamletEnvironment",
    "StepOutcome",
    "describe_world",
]

GRID_SIZE = 8
HOURS = 24
MAX_STEPS = 10 * HOURS
"""Longest episode: ten days of one step an hour."""

NIGHT = (22, 6)
NIGHT_ENERGY = 0.004
"""Extra energy that an hour awake at night costs, at decay 1.0."""

WELLBEING_REWARD = 20.0
"""Reward for filling all meters from empty to full."""
DEATH_REWARD = -1.0
PAYDAY_HOURS = 6
"""In a sparse stage rewards are saved up and paid together, four times a day."""


class Action(IntEnum):
    """What the agent can do in a step."""

    UP = 0
    DOWN = 1
    LEFT = 2
    RIGHT = 3
    INTERACT = 4
    WAIT = 5


ACTION_NAMES = tuple(action.name for action in Action)
_MOVES = ((0, -1), (0, 1), (-1, 0), (1, 0), (0, 0), (0, 0))


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What the actions earned.

    Args:
        reward: float32[n_lanes].
        terminated: bool[n_lanes], a vital meter is empty.
        truncated: bool[n_lanes], the longest episode is over.
    """

    reward: Tensor
    terminated: Tensor
    truncated: Tensor


class HamletEnvironment:
    """An 8x8 town with twelve places, the same for all lanes of a run.

    Args:
        n_lanes: how many lives are lived side by side.
        seed: of the layout and of where, when and how each episode begins.
        device: where the tensors live.

    The state, for reading: ``position`` int64[n_lanes, 2] (x, y), y downwards; ``meters`` float32[n_lanes, 8], 0 to 1;
    ``time_of_day`` int64[n_lanes], hours; ``interaction_progress`` float32[n_lanes], 0 to 1; ``visits``
    int64[n_lanes, 13], interactions begun in this episode, a column an affordance and one that stays 0; ``layout``, name to cell.
    """

    def __init__(self, n_lanes: int, *, seed: int = 0, device: str = "cpu", stages: Sequence[Stage] = STAGES) -> None:
        self.n_lanes = n_lanes
        self.device = torch.device(device)
        self._random = torch.Generator(self.device).manual_seed(seed)
        self._build_tables(stages)
        cells = _affordance_cells(self._random)
        # One more "affordance" than there are: the row of zeros for cells that hold none.
        self._affordance_at = torch.full((GRID_SIZE**2,), len(AFFORDANCES), device=self.device)
        self._affordance_at[cells] = torch.arange(len(AFFORDANCES), device=self.device)
        self.layout = _layout_of(cells)
        self.position = torch.zeros((n_lanes, 2), dtype=torch.int64, device=self.device)
        self.meters = torch.ones((n_lanes, len(METER_NAMES)), device=self.device)
        self.time_of_day = torch.zeros(n_lanes, dtype=torch.int64, device=self.device)
        self.interaction_progress = torch.zeros(n_lanes, device=self.device)
        self.visits = torch.zeros((n_lanes, len(AFFORDANCES) + 1), dtype=torch.int64, device=self.device)
        self._age = torch.zeros(n_lanes, dtype=torch.int64, device=self.device)
        self._stage = torch.zeros(n_lanes, dtype=torch.int64, device=self.device)
        self._ticks = torch.zeros(n_lanes, device=self.device)
        self._unpaid = torch.zeros(n_lanes, device=self.device)
        self.reset(range(n_lanes), stages[0])

    @property
    def n_observations(self) -> int:
        """Width of ``observe()``."""
        return GRID_SIZE**2 + len(METER_NAMES) + len(AFFORDANCES) + 4

    def reset(self, lanes: Sequence[int], stage: Stage) -> None:
        """Begin a new episode in the lanes with these indices, each at one of the places of ``stage``."""
        chosen = torch.as_tensor(list(lanes), device=self.device)
        shape = (len(chosen),)
        homes = torch.tensor([self.layout[name] for name in stage.affordances], device=self.device)
        self.position[chosen] = homes[torch.randint(len(homes), shape, generator=self._random, device=self.device)]
        self.meters[chosen] = 0.5 + 0.3 * torch.rand(
            (*shape, len(METER_NAMES)), generator=self._random, device=self.device
        )
        self.time_of_day[chosen] = torch.randint(HOURS, shape, generator=self._random, device=self.device)
        self.interaction_progress[chosen] = 0.0
        self.visits[chosen] = 0
        self._age[chosen] = 0
        self._ticks[chosen] = 0.0
        self._unpaid[chosen] = 0.0
        self._stage[chosen] = self._stage_index[stage.number]

    def action_masks(self) -> Tensor:
        """bool[n_lanes, 6]: not into walls, and INTERACT only where a place is there, open and affordable."""
        x, y = self.position.unbind(1)
        edge = GRID_SIZE - 1
        usable = self._usable().gather(1, self._here().unsqueeze(1)).squeeze(1)
        return torch.stack((y > 0, y < edge, x > 0, x < edge, usable, self._always), dim=1)

    def observe(self) -> Tensor:
        """float32[n_lanes, n_observations]: cell (one-hot), meters, places usable now, hour, progress, decay."""
        angle = self.time_of_day * (2 * torch.pi / HOURS)
        scalars = torch.stack(
            (angle.sin(), angle.cos(), self.interaction_progress, self._decay_scale[self._stage]), dim=1
        )
        usable = self._usable()[:, : len(AFFORDANCES)].float()
        return torch.cat((self._cell_code[self._cell()], self.meters, usable, scalars), dim=1)

    def step(self, actions: Tensor) -> StepOutcome:
        """Live one hour in every lane.

        Args:
            actions: int64[n_lanes]. A masked action is harmless: the agent waits.
        """
        before = self.meters
        here = self._here()
        usable = self._usable().gather(1, here.unsqueeze(1)).squeeze(1)
        interacting = usable & (actions == Action.INTERACT)
        self.position = (self.position + self._moves[actions]).clamp_(0, GRID_SIZE - 1)

        # An interaction goes on as long as INTERACT follows INTERACT; anything else gives the progress up.
        n_ticks = self._n_ticks[here]
        begins = (self._ticks == 0) | (self._ticks >= n_ticks)
        self._ticks = torch.where(begins, 1.0, self._ticks + 1) * interacting
        self.interaction_progress = self._ticks / n_ticks
        self.visits.scatter_add_(1, here.unsqueeze(1), (begins & interacting).long().unsqueeze(1))

        decay = self._decay_scale[self._stage].unsqueeze(1)
        shortage = (1 - 2 * before).clamp_(min=0)
        loss = decay * (self._hourly_loss[self.time_of_day] + shortage @ self._hungers)
        gain = self._effect_a_tick[here] * interacting.unsqueeze(1)
        self.meters = (before - loss + gain).clamp_(0, 1)
        self.time_of_day = (self.time_of_day + 1) % HOURS
        self._age += 1

        terminated = (self.meters[:, self._vital] <= 0).any(1)
        truncated = (self._age >= MAX_STEPS) & ~terminated
        self._unpaid += WELLBEING_REWARD * (_wellbeing(self.meters) - _wellbeing(before))
        pays = ~self._sparse_reward[self._stage] | (self.time_of_day % PAYDAY_HOURS == 0)
        reward = torch.where(terminated, DEATH_REWARD, self._unpaid * pays)
        self._unpaid *= ~pays
        return StepOutcome(reward, terminated, truncated)

    def _cell(self) -> Tensor:
        return self.position[:, 1] * GRID_SIZE + self.position[:, 0]

    def _here(self) -> Tensor:
        return self._affordance_at[self._cell()]

    def _usable(self) -> Tensor:
        """bool[n_lanes, 13]: part of the stage, open at this hour, and one tick of it is affordable."""
        money = self.meters[:, METER_NAMES.index("money")].unsqueeze(1)
        return self._is_open[self._stage, self.time_of_day] & (money >= self._cost_a_tick)

    def _build_tables(self, stages: Sequence[Stage]) -> None:
        """Turn the rules into tensors, so that a step is a few look-ups; the last row of each is 'no place here'."""
        meter = {name: index for index, name in enumerate(METER_NAMES)}
        n_affordances, n_meters = len(AFFORDANCES), len(METER_NAMES)
        n_ticks = torch.ones(n_affordances + 1)
        cost = torch.zeros(n_affordances + 1)
        effect = torch.zeros(n_affordances + 1, n_meters)
        is_open = torch.zeros((len(stages), HOURS, n_affordances + 1), dtype=torch.bool)
        for row, affordance in enumerate(AFFORDANCES):
            n_ticks[row] = affordance.n_ticks
            cost[row] = affordance.cost / affordance.n_ticks
            for name, amount in affordance.effects.items():
                effect[row, meter[name]] = amount / affordance.n_ticks
            for index, stage in enumerate(stages):
                for hour in range(HOURS):
                    open_now = affordance.is_open(hour) or not stage.opening_hours
                    is_open[index, hour, row] = affordance.name in stage.affordances and open_now
        effect[:, meter["money"]] -= cost
        hungers = torch.zeros(n_meters, n_meters)
        for (cause, victim), amount in HUNGERS.items():
            hungers[meter[cause], meter[victim]] = amount
        hourly_loss = torch.tensor([DECAY.get(name, 0.0) for name in METER_NAMES]).repeat(HOURS, 1)
        hourly_loss[NIGHT[0] :, meter["energy"]] += NIGHT_ENERGY
        hourly_loss[: NIGHT[1], meter["energy"]] += NIGHT_ENERGY

        place = self.device
        self._n_ticks, self._cost_a_tick = n_ticks.to(place), cost.to(place)
        self._effect_a_tick, self._is_open = effect.to(place), is_open.to(place)
        self._hungers, self._hourly_loss = hungers.to(place), hourly_loss.to(place)
        self._vital = torch.tensor([meter[name] for name in VITAL_METERS], device=place)
        self._moves = torch.tensor(_MOVES, device=place)
        self._cell_code = torch.eye(GRID_SIZE**2, device=place)
        self._always = torch.ones(self.n_lanes, dtype=torch.bool, device=place)
        self._stage_index = {stage.number: index for index, stage in enumerate(stages)}
        self._decay_scale = torch.tensor([stage.decay for stage in stages], device=place)
        self._sparse_reward = torch.tensor([stage.sparse_reward for stage in stages], device=place)


def describe_world(seed: int, device: str = "cpu") -> dict[str, Any]:
    """What all lives in the world of this seed have in common, as ``EpisodeRecorder`` takes it.

    With it a life can be watched while it is lived, and one whose end never comes still has names and a map.
    """
    cells = _affordance_cells(torch.Generator(device).manual_seed(seed))
    return {
        "meter_names": METER_NAMES,
        "action_names": ACTION_NAMES,
        "grid_size": GRID_SIZE,
        "substrate": Substrate("grid", 2, GRID_SIZE, GRID_SIZE),
        "affordance_layout": _layout_of(cells),
    }


def _affordance_cells(random: torch.Generator) -> Tensor:
    """A cell for each affordance: the first draw of a world's generator."""
    return torch.randperm(GRID_SIZE**2, generator=random, device=random.device)[: len(AFFORDANCES)]


def _layout_of(cells: Tensor) -> dict[str, tuple[int, int]]:
    places = [(cell % GRID_SIZE, cell // GRID_SIZE) for cell in cells.tolist()]
    return {affordance.name: place for affordance, place in zip(AFFORDANCES, places, strict=True)}


def _wellbeing(meters: Tensor) -> Tensor:
    """float32[n_lanes] in 0 to 1: the squares make filling the emptiest meter worth the most."""
    return 1 - (1 - meters).square().mean(1)
