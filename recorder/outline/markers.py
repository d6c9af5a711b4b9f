"""Markers: the interesting steps of an episode, the greatest reward among them. Finders work chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.episode import EpisodeMetadata
from recorder.outline.dull_spans import Span, united
from recorder.outline.meter_levels import CRITICAL_SHARE, MeterRanges
from recorder.outline.step_columns import Floats, StepColumns

__all__ = [
    "KINDS",
    "LONGEST_CRITICAL_BREAK",
    "MAX_MARKERS",
    "AffordanceUses",
    "LowMeters",
    "Marker",
    "MarkerFinder",
    "RewardExtremes",
    "RunStarts",
    "UnsureChoices",
    "event_text",
    "has_intrinsic",
    "thin_markers",
]

MAX_MARKERS = 500
"""More would overlap on a timeline."""

KINDS = ("end", "gap", "died", "low_meter", "affordance", "best_reward", "joined", "left", "unsure")
"""The kinds, most important first; those are kept when there are too many markers."""

_USING = "using"
_MAX_LABEL = 120
"""Characters; names in recordings may have any length."""

_UNSURE_SHARE = 0.02
"""Share of the range of allowed Q-values: the policy is unsure if the best two are closer."""


@dataclass(slots=True, unsafe_hash=True)
class Marker:
    """An interesting step; ``index`` counts recorded steps from 0. Long labels are cut.

    ``name`` is the affordance or the meter, ``value`` the meter's share or the reward. Messages do not have them.
    ``agent`` is the id of an agent; empty for the episode.
    """

    index: int
    kind: str
    label: str
    name: str = ""
    value: float | None = None
    agent: str = ""

    def __post_init__(self) -> None:
        if len(self.label) > _MAX_LABEL:
            self.label = f"{self.label[: _MAX_LABEL - 1]}…"

    def to_map(self) -> dict[str, Any]:
        """The form in messages and files."""
        found = {"index": self.index, "kind": self.kind, "label": self.label}
        return {**found, "agent": self.agent} if self.agent else found


def event_text(marker: Marker) -> str:
    """The label of a marker as something that happens: ``Starts Bed`` for ``using Bed``."""
    text = marker.label
    if marker.kind == "affordance" and text.startswith(f"{_USING} "):
        text = f"starts {text.removeprefix(f'{_USING} ')}"
    return f"{text[:1].upper()}{text[1:]}"


class MarkerFinder(Protocol):
    """Finds markers of one kind."""

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        """Markers of the next steps, which start at ``first_index``."""
        ...


LONGEST_CRITICAL_BREAK = 11
"""Critical stretches with at most so many steps between them are one: a meter at the level flickers."""


class LowMeters:
    """Marks steps at which a meter becomes critical, and the stretches in which one is."""

    def __init__(self, names: Sequence[str], ranges: MeterRanges) -> None:
        self._names = names
        self._ranges = ranges
        self._starts = RunStarts(len(names))
        self.spans: list[Span] = []
        """``[start, stop)`` as indexes in which any meter is critical, in order; the last one may grow."""

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        meters = columns.meters
        if meters is None or meters.shape[1] < len(self._names):
            return []
        return self.of_shares(self._ranges.shares(meters[:, : len(self._names)]), first_index)

    def of_shares(self, shares: Floats, first_index: int) -> list[Marker]:
        """The same from ``float64[n, n_meters]``, NaN where unknown."""
        found = []
        for index, meter in self._starts.of(shares < CRITICAL_SHARE, ~np.isnan(shares)):
            label = f"{self._names[meter]} at {shares[index, meter]:.0%}"
            found.append(
                Marker(first_index + index, "low_meter", label, self._names[meter], float(shares[index, meter]))
            )
        self._add_spans(np.logical_or.reduce(self._starts.flags, axis=1), first_index)
        return found

    def _add_spans(self, is_critical: NDArray[np.bool_], first_index: int) -> None:
        edges = first_index + np.flatnonzero(np.diff(is_critical, prepend=False, append=False))
        more = [(start, stop) for start, stop in edges.reshape(-1, 2).tolist()]
        self.spans = [*self.spans[:-1], *united([*self.spans[-1:], *more], LONGEST_CRITICAL_BREAK)]


class AffordanceUses:
    """Marks steps at which the agent starts to use an affordance.

    A use is recognised by interaction progress, else by an action named ``interact…`` or ``use…``, else by the agent's
    position on the affordance's cell.
    """

    def __init__(
        self, cells: Mapping[str, Sequence[float]], action_names: Sequence[str], *, has_progress: bool
    ) -> None:
        self._cells = {name: np.asarray(cell, np.float64) for name, cell in cells.items()}
        self._has_progress = has_progress
        self._uses = [i for i, name in enumerate(action_names) if name.casefold().startswith(("interact", "use"))]
        verb = _USING if has_progress or self._uses else "at"
        self._names = list(cells)
        self._labels = [f"{verb} {name}" for name in cells]
        self._starts = RunStarts(len(self._cells))

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        position = columns.position
        if position is None or not self._cells:
            return []
        here = np.zeros((columns.n_steps, len(self._cells)), np.bool_)
        for number, cell in enumerate(self._cells.values()):
            if len(cell) == position.shape[1]:
                here[:, number] = (position == cell).all(axis=1)
        here &= self._is_using(columns)[:, np.newaxis]
        return [
            Marker(first_index + index, "affordance", self._labels[number], self._names[number])
            for index, number in self._starts.of(here)
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
    """Marks steps at which the policy starts to value two actions alike."""

    def __init__(self) -> None:
        self._starts = RunStarts(1)

    def add(self, columns: StepColumns, first_index: int) -> list[Marker]:
        values, masks = columns.q_values, columns.action_masks
        if values is None or values.shape[1] < 3:  # of two actions, the second is also the lowest
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


class RunStarts:
    """Finds where runs of True start, across calls."""

    def __init__(self, n_columns: int) -> None:
        self._last = np.zeros(n_columns, np.bool_)
        self.flags = np.zeros((0, n_columns), np.bool_)
        """Those of the last call, with the unknown ones filled in."""

    def of(self, flags: NDArray[np.bool_], known: NDArray[np.bool_] | None = None) -> list[tuple[int, int]]:
        """``(row, column)`` of each start, by row.

        Args:
            flags: ``bool[n, n_columns]``.
            known: same shape; an unknown flag repeats the previous one.
        """
        rows = np.vstack([self._last, flags])
        if known is not None and not known.all():
            known_rows = np.where(np.vstack([np.ones_like(self._last), known]), np.arange(len(rows))[:, np.newaxis], 0)
            rows = np.take_along_axis(rows, np.maximum.accumulate(known_rows), axis=0)
        self._last, self.flags = rows[-1].copy(), rows[1:]
        row, column = np.nonzero(rows[1:] & ~rows[:-1])
        return list(zip(row.tolist(), column.tolist(), strict=True))


def thin_markers(markers: Sequence[Marker], limit: int = MAX_MARKERS) -> list[Marker]:
    """At most ``limit`` markers, in order: important kinds first, each spread over the episode.

    If a kind does not fit, the episode is divided into as many equal parts as there is room, and the first marker of
    each part is kept. Unused room goes to the next kinds.
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


def has_intrinsic(metadata: EpisodeMetadata, intrinsic_reward: Floats) -> bool:
    """Whether the episode has intrinsic reward.

    Args:
        intrinsic_reward: ``float64[n]`` of the steps.
    """
    return bool(metadata.intrinsic_reward or intrinsic_reward.any())


class RewardExtremes:
    """The greatest and the least reward so far."""

    def __init__(self) -> None:
        self._index = 0
        self._greatest = -math.inf
        self._least = math.inf

    def add(self, reward: Floats, first_index: int) -> None:
        """Add ``float64[n]`` of the next steps, ``n > 0``."""
        index = int(reward.argmax())
        if reward[index] > self._greatest:
            self._greatest, self._index = float(reward[index]), first_index + index
        self._least = min(self._least, float(reward.min()))

    def markers(self) -> list[Marker]:
        """A marker at the first step with the greatest reward; none if all rewards are equal."""
        if not self._greatest > self._least:
            return []
        return [Marker(self._index, "best_reward", f"greatest reward {self._greatest:+.2f}", value=self._greatest)]
