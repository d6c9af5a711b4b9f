"""Finds dull spans: no agent moves or earns a changing reward, and nothing is marked."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from recorder.outline.step_columns import Floats, StepColumns

__all__ = ["SHORTEST_DULL_STEPS", "DullSpans"]

SHORTEST_DULL_STEPS = 12
"""Shorter spans are not worth skipping."""


class DullSpans:
    """Finds dull spans, chunk by chunk.

    Without positions, the meters must stand still. Without meters as well, nothing counts as dull, unless there are several
    agents, which have their own.
    """

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []
        """``[start, stop)`` as indexes, in order; the last one may grow."""
        self._state: Floats | None = None
        self._reward = np.nan
        self._next_step = -1
        self._start = 0

    def add(
        self, columns: StepColumns, first_index: int, marked: Collection[int], still: NDArray[np.bool_] | None = None
    ) -> None:
        """Add the next steps.

        Args:
            marked: indexes of their markers.
            still: ``bool[n]``, where all of several agents stand still; None in an episode of one.
        """
        n_steps = columns.n_steps
        if not n_steps:
            return
        state = next((s for s in (columns.position, columns.meters) if s is not None and s.shape[1]), None)
        dull = np.zeros(n_steps, np.bool_) if still is None else still.copy()
        if state is not None:
            before = (
                self._state if self._state is not None and len(self._state) == state.shape[1] else state[0] * np.nan
            )
            rows = np.vstack([before, state])
            stands = (rows[1:] == rows[:-1]).all(axis=1)
            dull = stands if still is None else dull & stands
        rewards = np.concatenate([[self._reward], columns.reward])
        numbers = np.concatenate([[self._next_step - 1], columns.step_numbers])
        dull &= (rewards[1:] == rewards[:-1]) & (np.diff(numbers) == 1)
        dull[[index - first_index for index in marked]] = False
        self._state = None if state is None else state[-1].copy()
        self._reward = float(columns.reward[-1])
        self._next_step = int(columns.step_numbers[-1]) + 1
        lively = first_index + np.flatnonzero(~dull)
        starts = np.concatenate([[self._start], lively + 1])
        stops = np.concatenate([lively, [first_index + n_steps]])
        for span in np.flatnonzero(stops - starts >= SHORTEST_DULL_STEPS).tolist():
            if self.spans and self.spans[-1][0] == starts[span]:
                self.spans.pop()  # extended below
            self.spans.append((int(starts[span]), int(stops[span])))
        self._start = int(starts[-1])
