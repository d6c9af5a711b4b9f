"""Markers: the steps of an episode that are worth a look. Each finder goes on where the chunk before it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.outline.meter_levels import CRITICAL_SHARE, MeterRanges
from recorder.outline.step_columns import StepColumns

__all__ = [
    "KINDS",
    "MAX_MARKERS",
    "AffordanceUses",
    "LowMeters",
    "Marker",
    "MarkerFinder",
    "UnsureChoices",
    "thin_markers",
]

MAX_MARKERS = 500
"""More would hide each other on a timeline."""

KINDS = ("end", "gap", "low_meter", "affordance", "best_reward", "unsure")
"""The kinds, those that matter most first: they stay when there are too many markers."""

_MAX_LABEL = 120
"""Letters: names in recordings may have any length."""

_UNSURE_SHARE = 0.02
"""Of the spread of the allowed Q-values: two best ones that are closer than this are a toss-up."""


@dataclass(slots=True, unsafe_hash=True)
class Marker:
    """A step worth a look; ``index`` counts the recorded steps from 0. A long label is cut.

    Never changed, though not frozen: a chunk may have thousands, and a frozen one takes twice as long to make.
    """

    index: int
    kind: str
    label: str

    def __post_init__(self) -> None:
        if len(self.label) > _MAX_LABEL:
            self.label = f"{self.label[: _MAX_LABEL - 1]}…"

    def to_map(self) -> dict[str, Any]:
        """The form that messages and files hold."""
        return {"index": self.index, "kind": self.kind, "label": self.label}


class MarkerFinder(Protocol):
    """Finds the markers of one kind."""

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        """The markers of the next steps; ``first_index`` is the index of the first of them."""
        ...


class LowMeters:
    """Marks the steps at which a meter becomes critical."""

    def __init__(self, names: Sequence[str], ranges: MeterRanges) -> None:
        self._names = names
        self._ranges = ranges
        self._starts = _Starts(len(names))

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        """See ``MarkerFinder``."""
        meters = columns.meters
        if meters is None or meters.shape[1] < len(self._names):
            return []
        shares = self._ranges.shares(meters[:, : len(self._names)])
        found = []
        for index, meter in self._starts.of(shares < CRITICAL_SHARE, ~np.isnan(shares)):
            label = f"{self._names[meter]} at {shares[index, meter]:.0%}"
            found.append(Marker(first_index + index, "low_meter", label))
        return found


class AffordanceUses:
    """Marks the steps at which the agent begins to use an affordance.

    An episode tells a use by its interaction progress, else by an action whose name begins with ``interact`` or
    ``use``, else by the agent standing on the affordance's cell.
    """

    def __init__(
        self, cells: Mapping[str, Sequence[float]], action_names: Sequence[str], *, has_progress: bool
    ) -> None:
        self._cells = {name: np.asarray(cell, np.float64) for name, cell in cells.items()}
        self._has_progress = has_progress
        self._uses = [i for i, name in enumerate(action_names) if name.casefold().startswith(("interact", "use"))]
        verb = "using" if has_progress or self._uses else "at"
        self._labels = [f"{verb} {name}" for name in cells]
        self._starts = _Starts(len(self._cells))

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        """See ``MarkerFinder``."""
        position = columns.position
        if position is None or not self._cells:
            return []
        here = np.zeros((columns.n_steps, len(self._cells)), np.bool_)
        for number, cell in enumerate(self._cells.values()):
            if len(cell) == position.shape[1]:
                here[:, number] = (position == cell).all(axis=1)
        here &= self._is_using(columns)[:, np.newaxis]
        return [
            Marker(first_index + index, "affordance", self._labels[number]) for index, number in self._starts.of(here)
        ]

    def _is_using(self, columns: StepColumns) -> NDArray[np.bool_]:
        if self._has_progress:
            progress = columns.interaction_progress
            return np.zeros(columns.n_steps, np.bool_) if progress is None else progress > 0
        if self._uses:
            action = columns.action
            return np.zeros(columns.n_steps, np.bool_) if action is None else np.isin(action, self._uses)
        return np.ones(columns.n_steps, np.bool_)


class UnsureChoices:
    """Marks the steps at which the policy begins to value two actions alike."""

    def __init__(self) -> None:
        self._starts = _Starts(1)

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        """See ``MarkerFinder``."""
        values, masks = columns.q_values, columns.action_masks
        if values is None or values.shape[1] < 3:  # of two actions the lesser is the lowest too, never near the best
            return []
        allowed = np.isfinite(values)
        if masks is not None and masks.shape == values.shape:
            allowed &= ~(masks == 0)  # a step without a mask allows everything
        is_choice = allowed.sum(axis=1) > 2
        top = np.partition(np.where(allowed, values, -np.inf), -2, axis=1)
        best, second = (np.where(is_choice, top[:, place], 0.0) for place in (-1, -2))
        lowest = np.where(is_choice, np.where(allowed, values, np.inf).min(axis=1), 0.0)
        is_unsure = is_choice & (best > lowest) & (best - second < _UNSURE_SHARE * (best - lowest))
        return [
            Marker(first_index + index, "unsure", "two actions valued alike")
            for index, _ in self._starts.of(is_unsure[:, np.newaxis])
        ]


class _Starts:
    """Where stretches of True begin, over calls that follow each other."""

    def __init__(self, n_columns: int) -> None:
        self._last = np.zeros(n_columns, np.bool_)

    def of(self, flags: NDArray[np.bool_], known: NDArray[np.bool_] | None = None) -> list[tuple[int, int]]:
        """``(row, column)`` of each start, by row.

        Args:
            flags: ``bool[n, n_columns]``.
            known: the same shape; a flag that is not known is taken to be as the one before it.
        """
        rows = np.vstack([self._last, flags])
        if known is not None and not known.all():
            told = np.where(np.vstack([np.ones_like(self._last), known]), np.arange(len(rows))[:, np.newaxis], 0)
            rows = np.take_along_axis(rows, np.maximum.accumulate(told), axis=0)
        self._last = rows[-1].copy()
        row, column = np.nonzero(rows[1:] & ~rows[:-1])
        return list(zip(row.tolist(), column.tolist(), strict=True))


def thin_markers(markers: Sequence[Marker], limit: int = MAX_MARKERS) -> list[Marker]:
    """At most ``limit`` of them, in order. Kinds that matter more go first, each spread over the whole episode.

    A kind that does not fit into the room that is left keeps the first marker of each of as many equal stretches of
    the episode. The room of a stretch without one goes to the kinds after it.
    """
    if len(markers) <= limit:
        return sorted(markers, key=lambda marker: marker.index)
    kept: list[Marker] = []
    n_indexes = 1 + max(marker.index for marker in markers)
    by_kind: dict[str, list[Marker]] = {kind: [] for kind in KINDS}
    for marker in markers:
        by_kind[marker.kind].append(marker)
    for of_kind in by_kind.values():
        room = limit - len(kept)
        if room == 0:
            break
        if len(of_kind) > room:
            of_kind.sort(key=lambda marker: marker.index, reverse=True)
            of_kind = list({marker.index * room // n_indexes: marker for marker in of_kind}.values())
        kept += of_kind
    return sorted(kept, key=lambda marker: marker.index)
