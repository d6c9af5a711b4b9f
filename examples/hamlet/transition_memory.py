"""The transitions that the agent learns from: a ring of tensors on the agent's device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["TransitionMemory", "Transitions"]


class Transitions(NamedTuple):
    """Transitions with a leading axis: of the lanes when they are added, of the batch when they are drawn.

    Args:
        observation: float32[n, n_observations]; action: int64[n]; reward: float32[n].
        next_observation: float32[n, n_observations], what the action led to, before any reset.
        next_masks: bool[n, n_actions], what is allowed there.
        terminated: bool[n]. A truncated episode has a future that it did not live, so it is not terminated.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    next_observation: Tensor
    next_masks: Tensor
    terminated: Tensor


class TransitionMemory:
    """Keeps the latest ``capacity`` transitions and draws from them with equal chance."""

    def __init__(self, capacity: int, *, generator: torch.Generator) -> None:
        self._capacity = capacity
        self._generator = generator
        self._columns: Transitions | None = None
        self._next_index = 0
        self._n_stored = 0

    def __len__(self) -> int:
        return self._n_stored

    def add(self, transitions: Transitions) -> None:
        """Store one transition of each lane; the oldest give way."""
        n_lanes = len(transitions.action)
        if self._columns is None:
            # Whole rows of lanes, so that a step is one slice of each column.
            self._capacity -= self._capacity % n_lanes
            self._columns = Transitions(*(c.new_zeros((self._capacity, *c.shape[1:])) for c in transitions))
        rows = slice(self._next_index, self._next_index + n_lanes)
        for column, values in zip(self._columns, transitions, strict=True):
            column[rows] = values
        self._next_index = rows.stop % self._capacity
        self._n_stored = min(self._n_stored + n_lanes, self._capacity)

    def draw(self, n: int) -> Transitions:
        """``n`` transitions, the same one more than once if chance has it so."""
        if self._columns is None:
            raise LookupError("draw from an empty TransitionMemory: add transitions first")
        rows = torch.randint(self._n_stored, (n,), generator=self._generator, device=self._generator.device)
        return Transitions(*(column[rows] for column in self._columns))
