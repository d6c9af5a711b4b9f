"""What the chunks of a play add up to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from recorder.agents.columns import ROSTER, parse_agent_column
from recorder.chunk import ColumnData
from recorder.publish.chunks.pieces import Piece
from recorder.publish.play_state import PlayState

__all__ = ["add_up", "n_odd_rewards", "summed_columns"]

_REWARDS = ("reward", "intrinsic_reward")


def summed_columns(state: PlayState, piece: Piece) -> dict[str, ColumnData]:
    """What ``add_up`` and ``n_odd_rewards`` look at, of a piece with a value for each step in each column."""
    if ROSTER in piece.kinds.fields or not state.agents.is_empty:
        return piece.columns()
    names = (*_REWARDS, "epsilon")
    return {name: ColumnData(piece.values(name)) for name in names if name in piece.kinds.fields}


@np.errstate(all="ignore")  # infinities of both signs add up to NaN, which is no news
def add_up(state: PlayState, columns: Mapping[str, ColumnData], n_steps: int) -> int:
    """Add a chunk to the state's sums; returns how many of its agents are as they were before."""
    if (reward := columns.get("reward")) is not None:
        state.reward_sum += _sum(reward)
    if (intrinsic := columns.get("intrinsic_reward")) is not None:
        state.intrinsic_sum += _sum(intrinsic)
    if (epsilon := columns.get("epsilon")) is not None:
        state.last_epsilon = float(epsilon.values[-1])
    return state.agents.add(columns, n_steps)


def n_odd_rewards(state: PlayState, columns: Mapping[str, ColumnData], n_steps: int) -> int:
    """How many steps of a chunk have a reward, of whichever agent, that is NaN or infinite.

    Args:
        state: to which the chunk was added.
    """
    if math.isfinite(state.reward_sum + state.intrinsic_sum) and state.agents.is_finite:
        return 0
    is_odd = np.zeros(n_steps, np.bool_)
    for name, (values, present) in columns.items():
        place = parse_agent_column(name)
        if (name if place is None else place[1]) not in _REWARDS or values.dtype.kind != "f":
            continue
        rows = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        is_odd[rows if present is None else np.flatnonzero(present)[rows]] = True
    return int(is_odd.sum())


def _sum(data: ColumnData) -> float:
    values: Any = data.values
    return float(values.sum(dtype=np.float64))
