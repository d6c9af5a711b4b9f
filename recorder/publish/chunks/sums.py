"""What the chunks of a play add up to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recorder.chunk import ColumnData
from recorder.publish.delivery.play_state import PlayState

__all__ = ["add_up"]


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


def _sum(data: ColumnData) -> float:
    values: Any = data.values
    return float(values.sum(dtype=np.float64))
