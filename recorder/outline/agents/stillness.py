"""Whether all agents stand still: then a span of an episode may be dull."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import PRESENT
from recorder.chunk import Chunk
from recorder.outline.agents.steps import group_values
from recorder.outline.step_columns import Floats

__all__ = ["Stillness"]

_ABSENT = np.inf
"""Stands for the numbers of an absent agent: it equals itself."""


class Stillness:
    """Finds the steps in which no agent moves, joins, leaves or earns a changing reward, chunk by chunk.

    Without positions, the meters of a group must stand still. A group without meters as well never does.
    """

    def __init__(self) -> None:
        self._last: dict[int, Floats] = {}
        """``float64[n_slots, n_values]`` of each group, in the last step."""

    def add(self, chunk: Chunk, groups: Collection[int]) -> NDArray[np.bool_]:
        """``bool[n_steps]`` of the next chunk.

        Args:
            groups: all that have appeared.

        Raises:
            EpisodeFileError: the chunk is damaged.
        """
        still = np.ones(chunk.n_steps, np.bool_)
        for group in groups:
            state = _state(chunk, group)
            before = self._last.get(group)
            if state is None:  # nobody of the group takes part
                shape = (0, 0) if before is None else before.shape
                state = np.full((chunk.n_steps, *shape), _ABSENT)
            if before is None or before.shape[1] != state.shape[2]:
                before = np.full(state.shape[1:], np.nan)
            n_slots = max(len(before), state.shape[1])
            rows = np.concatenate([_padded(before[np.newaxis], n_slots), _padded(state, n_slots)])
            still &= (rows[1:] == rows[:-1]).all(axis=(1, 2))
            self._last[group] = rows[-1].copy()
        return still


def _state(chunk: Chunk, group: int) -> Floats | None:
    """``float64[n_steps, n_slots, n_values]``: position or meters, and reward; None if no agent of the group takes part."""
    present = group_values(chunk, group, PRESENT)
    if present is None or present[0].ndim != 2 or not present[0].any():
        return None
    there = np.asarray(present[0], np.bool_)
    parts = [part for field in ("position", "meters") if (part := _numbers(chunk, group, field, there)) is not None]
    state = parts[0] if parts else np.full((*there.shape, 1), np.nan)
    reward = _numbers(chunk, group, "reward", there)
    state = state if reward is None else np.concatenate([state, np.where(np.isfinite(reward), reward, 0.0)], axis=2)
    return np.where(there[:, :, np.newaxis], state, _ABSENT)


def _numbers(chunk: Chunk, group: int, field: str, there: NDArray[np.bool_]) -> Floats | None:
    found = group_values(chunk, group, field)
    if found is None or found[0].shape[:2] != there.shape:
        return None
    values, has_value = found
    numbers = values.reshape(*there.shape, -1).astype(np.float64)
    if has_value is not None:
        numbers[~has_value] = np.nan
    return numbers if numbers.shape[2] else None


def _padded(state: Floats, n_slots: int) -> Floats:
    """With slots for agents that have not joined yet."""
    return np.pad(state, ((0, 0), (0, n_slots - state.shape[1]), (0, 0)), constant_values=_ABSENT)
