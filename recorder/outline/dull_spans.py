"""Spans of steps, and the dull ones: no agent moves or earns a changing reward, and nothing is marked."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from recorder.outline.step_columns import Floats, StepColumns

__all__ = ["SHORTEST_DULL_STEPS", "DullSpans", "Span", "at_most", "united"]

Span = tuple[int, int]


def united(spans: Iterable[Span], longest_break: int = 0) -> list[Span]:
    """The steps that any of the spans has, in order.

    Args:
        longest_break: spans with at most so many steps between them are one.
    """
    found: list[Span] = []
    for start, stop in sorted(spans):
        if found and start - found[-1][1] <= longest_break:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def at_most(spans: Iterable[Span], limit: int, longest_break: int = 0) -> tuple[list[Span], int]:
    """At most ``limit`` spans: those with the shortest breaks between them are joined.

    Args:
        longest_break: where to begin; pass what the last call returned to join alike.

    Returns:
        The spans, and the longest break that is joined.
    """
    found = united(spans, longest_break)
    while len(found) > limit:
        longest_break = max(1, 2 * longest_break)
        found = united(found, longest_break)
    return found, longest_break


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
