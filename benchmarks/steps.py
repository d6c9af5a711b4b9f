"""The episode that all figures are measured on: always the same steps, as arrays and as a trainer's tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = [
    "GRID_SIZE",
    "LAYOUT",
    "METER_NAMES",
    "N_STEPS",
    "EpisodeArrays",
    "StepValues",
    "batch_calls",
    "episode_arrays",
    "record_steps",
    "step_values",
]

N_STEPS = 500
N_METERS = 8
N_ACTIONS = 6
GRID_SIZE = 8
METER_NAMES = ("energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness")
LAYOUT = {f"affordance_{index}": (index % GRID_SIZE, index // GRID_SIZE) for index in range(12)}

_DECAY = np.array([0.005, 0.004, 0.010, 0.003, 0.002, 0.001, 0.006, 0.0015], np.float32)
_REFILL_CHANCE = 0.1
_STEPS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class EpisodeArrays:
    """Episodes that are lived side by side.

    Args:
        position: ``int64[n_steps, n_lanes, 2]``, a random walk on the grid.
        meters: ``float32[n_steps, n_lanes, 8]``, each decays by a fixed amount and is refilled now and then.
        action: ``int64[n_steps, n_lanes]``.
        reward: ``float32[n_steps, n_lanes]``, 1 for every step survived.
        intrinsic_reward: ``float32[n_steps, n_lanes]``, uniform.
        done: ``bool[n_steps, n_lanes]``, true at the last step.
        q_values: ``float32[n_steps, n_lanes, 6]``, a random walk.
        action_masks: ``bool[n_steps, n_lanes, 6]``.
        time_of_day: ``int64[n_steps, n_lanes]``, 0 to 23.
        interaction_progress: ``float32[n_steps, n_lanes]``, uniform.
    """

    position: NDArray[np.int64]
    meters: NDArray[np.float32]
    action: NDArray[np.int64]
    reward: NDArray[np.float32]
    intrinsic_reward: NDArray[np.float32]
    done: NDArray[np.bool_]
    q_values: NDArray[np.float32]
    action_masks: NDArray[np.bool_]
    time_of_day: NDArray[np.int64]
    interaction_progress: NDArray[np.float32]


def episode_arrays(n_steps: int = N_STEPS, n_lanes: int = 1, *, seed: int = 0) -> EpisodeArrays:
    """The steps of ``n_lanes`` episodes of ``n_steps`` each."""
    random = np.random.default_rng(seed)
    each = (n_steps, n_lanes)
    position = np.empty((*each, 2), np.int64)
    meters = np.empty((*each, N_METERS), np.float32)
    place, level = np.full((n_lanes, 2), GRID_SIZE // 2), np.ones((n_lanes, N_METERS), np.float32)
    for step in range(n_steps):
        place = np.clip(place + random.integers(-1, 2, (n_lanes, 2)), 0, GRID_SIZE - 1)
        refilled = random.random(n_lanes) < _REFILL_CHANCE
        level = np.maximum(level - _DECAY, np.float32(0))
        level[refilled, random.integers(0, N_METERS, n_lanes)[refilled]] = 1.0
        position[step], meters[step] = place, level
    done = np.zeros(each, np.bool_)
    done[-1] = True
    hours = np.arange(n_steps, dtype=np.int64) % _STEPS_PER_DAY
    return EpisodeArrays(
        position=position,
        meters=meters,
        action=random.integers(0, N_ACTIONS, each),
        reward=np.ones(each, np.float32),
        intrinsic_reward=random.random(each, np.float32),
        done=done,
        q_values=np.cumsum(random.normal(0, 0.1, (*each, N_ACTIONS)), axis=0).astype(np.float32),
        action_masks=random.random((*each, N_ACTIONS)) < 0.5,
        time_of_day=np.repeat(hours[:, None], n_lanes, axis=1),
        interaction_progress=random.random(each, np.float32),
    )


class StepValues(NamedTuple):
    """The arguments of ``record_step`` but the episode's id: tensors for what has an axis, Python's numbers for the rest."""

    step: int
    position: torch.Tensor
    meters: torch.Tensor
    action: int
    reward: float | np.float32
    intrinsic_reward: float | np.float32
    done: bool
    q_values: torch.Tensor
    time_of_day: int
    interaction_progress: float | np.float32
    action_masks: torch.Tensor


def step_values(n_steps: int = N_STEPS, *, seed: int = 0) -> list[StepValues]:
    """One episode as a trainer of one lane has it."""
    arrays = episode_arrays(n_steps, seed=seed)

    def tensor(array: NDArray[Any], step: int) -> torch.Tensor:
        return torch.from_numpy(array[step, 0].copy())

    return [
        StepValues(
            step=step,
            position=tensor(arrays.position, step),
            meters=tensor(arrays.meters, step),
            action=int(arrays.action[step, 0]),
            reward=float(arrays.reward[step, 0]),
            intrinsic_reward=float(arrays.intrinsic_reward[step, 0]),
            done=bool(arrays.done[step, 0]),
            q_values=tensor(arrays.q_values, step),
            time_of_day=int(arrays.time_of_day[step, 0]),
            interaction_progress=float(arrays.interaction_progress[step, 0]),
            action_masks=tensor(arrays.action_masks, step),
        )
        for step in range(n_steps)
    ]


def record_steps(record_step: Callable[..., None], episode_id: int, values: Iterable[StepValues]) -> None:
    """Call ``record_step``, of either design, for each step, the way a trainer writes it."""
    for step, position, meters, action, reward, intrinsic, done, q_values, time_of_day, progress, masks in values:
        record_step(
            episode_id=episode_id,
            step=step,
            position=position,
            meters=meters,
            action=action,
            reward=reward,
            intrinsic_reward=intrinsic,
            done=done,
            q_values=q_values,
            time_of_day=time_of_day,
            interaction_progress=progress,
            action_masks=masks,
        )


def batch_calls(n_steps: int = N_STEPS, n_lanes: int = 64, *, seed: int = 0) -> list[dict[str, Any]]:
    """``n_lanes`` episodes as the arguments of ``record_batch`` but the episodes' ids: one tensor an argument."""
    arrays = episode_arrays(n_steps, n_lanes, seed=seed)
    names: dict[str, NDArray[Any]] = {
        "positions": arrays.position,
        "meters": arrays.meters,
        "actions": arrays.action,
        "rewards": arrays.reward,
        "intrinsic_rewards": arrays.intrinsic_reward,
        "dones": arrays.done,
        "q_values": arrays.q_values,
        "time_of_day": arrays.time_of_day,
        "interaction_progress": arrays.interaction_progress,
        "action_masks": arrays.action_masks,
    }
    return [
        {
            "steps": np.full(n_lanes, step),
            **{name: torch.from_numpy(array[step].copy()) for name, array in names.items()},
        }
        for step in range(n_steps)
    ]
