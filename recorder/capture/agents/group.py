"""The columns of agents whose values have the same shapes: one step's values, refilled with each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import PRESENT, agent_column
from recorder.schema import EXTRAS_PREFIX
from recorder.values.picture_shape import is_stored_as_picture

__all__ = ["AgentGroup", "Shapes", "shapes_of"]

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
"""The fields of an agent and their shapes, in the order of the names."""

_SUMMED = ("reward", "intrinsic_reward")
"""Fields that are 0, not unknown, where an agent has none."""


def shapes_of(values: Mapping[str, NDArray[Any]]) -> Shapes:
    """What decides which group an agent comes into."""
    return tuple(sorted((name, value.shape) for name, value in values.items()))


class AgentGroup:
    """A fixed number of slots, so that no column changes its shape within an episode.

    Args:
        number: of the group in its episode.
        shapes: of the agents' values.
    """

    def __init__(self, number: int, shapes: Shapes, n_slots: int) -> None:
        self._number = number
        self.shapes = shapes
        self.n_slots = n_slots
        self.n_used = 0
        self._present = np.zeros(n_slots, np.bool_)
        self._columns: dict[str, NDArray[Any]] = {}

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return self.n_used < self.n_slots

    def take_slot(self) -> int:
        """The slot of the next agent."""
        self.n_used += 1
        return self.n_used - 1

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """By field, as they are now."""
        return self._columns

    def begin(self, slots: Iterable[int]) -> dict[str, NDArray[Any]]:
        """Empty the columns for a step in which the agents of these slots are present; returns who is, by the extra's name."""
        self._present[:] = False
        for column in self._columns.values():
            column[...] = 0
        for slot in slots:
            self._present[slot] = True
        return {self._extra(PRESENT): self._present}

    def extras_of(self, fields: Iterable[str]) -> dict[str, NDArray[Any]]:
        """The columns of these fields, by the extras' names."""
        return {self._extra(field): self._columns[field] for field in fields}

    def fill(
        self, by_slot: Mapping[int, Mapping[str, NDArray[Any]]]
    ) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]], list[str]]:
        """The values of one step as extras; they are valid until the next call.

        Args:
            by_slot: the values of the agents that are present.

        Returns:
            By the name of the extra who is present, and the arrays of the fields. Then what could not be kept: values of
            another shape than their column's.
        """
        problems: list[str] = []
        present = self.begin(by_slot)
        given: dict[str, set[int]] = {}
        for slot, values in by_slot.items():
            for field, value in values.items():
                column = self._column(field, value)
                if column.shape[1:] != value.shape:
                    problems.append(f"{field} has the shape {value.shape}, before it had {column.shape[1:]}")
                    continue
                column[slot] = value
                given.setdefault(field, set()).add(slot)
        for field, slots in given.items():
            if len(slots) < len(by_slot) and field not in _SUMMED:
                self._make_unknown(field, list(by_slot.keys() - slots))
        return present, self.extras_of(given), problems

    def _make_unknown(self, field: str, slots: Sequence[int]) -> None:
        """These agents take part in the step and have no value of the field, which others have."""
        column = self._columns[field]
        if field == "action_masks":
            column[slots] = 1  # without a mask everything is allowed
            return
        if column.dtype.kind in "iu" and not is_stored_as_picture(column.dtype.str, column.shape):
            column = self._columns[field] = column.astype(np.float64)
        if column.dtype.kind == "f":
            column[slots] = np.nan

    def _column(self, field: str, value: NDArray[Any]) -> NDArray[Any]:
        """The column of a field, wide enough for a value."""
        column = self._columns.get(field)
        if column is None:
            column = self._columns[field] = np.zeros((self.n_slots, *value.shape), value.dtype)
        elif column.dtype != value.dtype:
            dtype = np.result_type(column.dtype, value.dtype)
            if dtype != column.dtype:
                column = self._columns[field] = column.astype(dtype)
        return column

    def _extra(self, field: str) -> str:
        return agent_column(self._number, field).removeprefix(EXTRAS_PREFIX)
