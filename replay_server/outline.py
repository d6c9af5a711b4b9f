"""What a timeline shows of an episode before all of its chunks have come: markers, dull spans, curves.

Pure functions on columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_MARKERS",
    "Columns",
    "Marker",
    "dull_spans",
    "find_markers",
    "sample_indexes",
    "thin_markers",
    "unusual_numbers",
]

MAX_MARKERS = 500
_MAX_LABEL = 120
MIN_DULL_STEPS = 12
_LOW_SHARE = 0.1
"""Of a meter's range: below it the meter counts as nearly empty."""
_UNSURE_SHARE = 0.02
"""Of the spread of the allowed Q-values: two best ones that lie closer are a toss-up."""
_KINDS = ("end", "gap", "low_meter", "affordance", "unsure")
"""Those that matter most come first: they stay when there are too many."""


def unusual_numbers() -> np.errstate:
    """Around what computes with recorded numbers: NaN, infinities and the largest ones are such numbers too."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that an outline looks at, of all steps or of one chunk; None where there is none of one shape.

    Args:
        position: ``[n, n_dims]``; meters: ``[n, n_meters]``; action: ``[n]``; reward: ``[n]``, 0 where missing.
        q_values, action_masks: ``[n, n_actions]``; interaction_progress: ``[n]``.
    """

    n_steps: int
    reward: NDArray[np.float64]
    position: NDArray[Any] | None = None
    meters: NDArray[Any] | None = None
    action: NDArray[Any] | None = None
    q_values: NDArray[Any] | None = None
    action_masks: NDArray[Any] | None = None
    interaction_progress: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Marker:
    """A step worth a look. Its label is a few words, however long the names in it are."""

    index: int
    kind: str
    label: str

    def __post_init__(self) -> None:
        if len(self.label) > _MAX_LABEL:
            object.__setattr__(self, "label", f"{self.label[: _MAX_LABEL - 1]}…")

    def to_map(self) -> dict[str, Any]:
        """As it stands in messages."""
        return {"index": self.index, "kind": self.kind, "label": self.label}


@unusual_numbers()
def find_markers(
    columns: Columns,
    *,
    first_index: int,
    meter_names: Sequence[str],
    action_names: Sequence[str],
    affordances: Mapping[str, Sequence[float]],
) -> list[Marker]:
    """Markers of low meters, used affordances and unsure decisions; each at the first step of its stretch.

    Args:
        columns: of all steps, or of a part of them.
        first_index: index of the part's first step.
    """
    found: list[tuple[int, str, str]] = []
    if columns.meters is not None:
        found += _low_meters(columns.meters, meter_names)
    if columns.position is not None and columns.position.shape[1]:
        found += _affordance_uses(columns, action_names, affordances)
    if columns.q_values is not None and columns.q_values.shape[1] > 1:
        found += _unsure(columns.q_values, columns.action_masks)
    return sorted((Marker(first_index + index, kind, label) for index, kind, label in found), key=lambda m: m.index)


def thin_markers(markers: Sequence[Marker], limit: int = MAX_MARKERS) -> list[Marker]:
    """At most ``limit`` of them, in order: kinds that matter more go first, each spread over the whole episode.

    A kind that does not fit into the room that is left keeps the first marker of each of as many equal stretches of the
    episode; the room of stretches without one is left to the kinds behind it.
    """
    if len(markers) <= limit:
        return sorted(markers, key=lambda marker: marker.index)
    kept: list[Marker] = []
    n_indexes = 1 + max(marker.index for marker in markers)
    for kind in _KINDS:
        room = limit - len(kept)
        if room == 0:
            break
        of_kind = [marker for marker in markers if marker.kind == kind]
        if len(of_kind) > room:
            of_kind.sort(key=lambda marker: marker.index, reverse=True)
            of_kind = list({marker.index * room // n_indexes: marker for marker in of_kind}.values())
        kept += of_kind
    return sorted(kept, key=lambda marker: marker.index)


@unusual_numbers()
def dull_spans(columns: Columns, marked: Sequence[int]) -> list[tuple[int, int]]:
    """``[start, stop)`` of the stretches in which the agent neither moves nor earns a changing reward, without markers.

    Nothing moves in an episode without positions: there the meters must stand still. Without meters too nobody can tell.
    """
    found = (state for state in (columns.position, columns.meters) if state is not None and state.shape[1])
    state = next(found, None)
    if state is None or columns.n_steps < MIN_DULL_STEPS:
        return []
    dull = np.ones(columns.n_steps, np.bool_)
    dull[0] = False
    dull[1:] &= columns.reward[1:] == columns.reward[:-1]
    dull[1:] &= (state[1:] == state[:-1]).all(axis=1)
    dull[[index for index in marked if index < columns.n_steps]] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([False], dull, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= MIN_DULL_STEPS]


def sample_indexes(n_steps: int, limit: int = 512) -> NDArray[np.int64]:
    """At most ``limit`` indexes spread evenly over the episode, first and last included."""
    if n_steps <= limit:
        return np.arange(n_steps)
    return np.unique(np.linspace(0, n_steps - 1, limit).astype(np.int64))


def _starts(mask: NDArray[np.bool_]) -> list[int]:
    """Where stretches of True begin."""
    starts: list[int] = np.flatnonzero(mask & ~np.concatenate(([False], mask[:-1]))).tolist()
    return starts


def _low_meters(meters: NDArray[Any], names: Sequence[str]) -> list[tuple[int, str, str]]:
    found = []
    for number, name in zip(range(meters.shape[1]), names, strict=False):
        values = meters[:, number].astype(np.float64)
        top = np.nanmax(np.abs(values), initial=0.0)
        full = 1.0 if top <= 1.0 else top
        for index in _starts(values < _LOW_SHARE * full):
            found.append((index, "low_meter", f"{name} at {values[index] / full:.0%}"))
    return found


def _affordance_uses(
    columns: Columns, action_names: Sequence[str], affordances: Mapping[str, Sequence[float]]
) -> list[tuple[int, str, str]]:
    position = columns.position
    assert position is not None
    using = np.ones(columns.n_steps, np.bool_)
    verb = "at"
    interacts = [i for i, name in enumerate(action_names) if name.casefold().startswith(("interact", "use"))]
    if columns.interaction_progress is not None and np.nanmax(columns.interaction_progress, initial=0) > 0:
        using, verb = columns.interaction_progress > 0, "using"
    elif interacts and columns.action is not None and columns.action.ndim == 1:
        using, verb = np.isin(columns.action, interacts), "using"
    found = []
    for name, cell in affordances.items():
        if len(cell) == position.shape[1]:
            here = (position == np.asarray(cell)).all(axis=1) & using
            found += [(index, "affordance", f"{verb} {name}") for index in _starts(here)]
    return found


def _unsure(q_values: NDArray[Any], masks: NDArray[Any] | None) -> list[tuple[int, str, str]]:
    values = q_values.astype(np.float64)
    allowed = np.isfinite(values)
    if masks is not None and masks.shape == values.shape:
        allowed &= masks.astype(np.bool_)
    best = np.partition(np.where(allowed, values, -np.inf), -2, axis=1)[:, -2:]
    lowest = np.where(allowed, values, np.inf).min(axis=1)
    choice = (
        allowed.sum(axis=1) > 2
    )  # of two actions the lesser one is the lowest too, and never lies close to the best
    spread = np.where(choice, best[:, 1], 0.0) - np.where(choice, lowest, 0.0)
    gap = np.where(choice, best[:, 1], 0.0) - np.where(choice, best[:, 0], 0.0)
    return [
        (index, "unsure", "two actions valued alike")
        for index in _starts(choice & (spread > 0) & (gap < _UNSURE_SHARE * spread))
    ]
