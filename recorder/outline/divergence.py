"""The first step at which two episodes differ, by the rule of the page (``playback/divergence.js``)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.agents.columns import parse_agent_column
from recorder.episode_file import Episode
from recorder.errors import ShapeChangedError

__all__ = ["Divergence", "first_divergence"]

_COMPARED = (("action", "action"), ("position", "position"), ("reward", "reward"), ("done", "end"))
"""Compared columns and their names for people."""


class Divergence(NamedTuple):
    """The number of the step, from 0, and what differs: ``action``, ``position``, ``reward``, ``end`` or ``length``."""

    step: int
    what: str


def first_divergence(one: Episode, other: Episode) -> Divergence | None:
    """Find the first step that differs; None if there is none.

    Steps that one of them lacks are skipped, unless it ended before them.

    Raises:
        EpisodeFileError: a file is damaged.
    """
    steps, rows, other_rows = np.intersect1d(one.step_numbers, other.step_numbers, return_indices=True)
    found: list[tuple[int, int]] = []
    compared = [*_COMPARED, *sorted(_of_agents(one) | _of_agents(other))]
    for order, (column, _) in enumerate(compared):
        differ = np.flatnonzero(_differ(_values(one, column), _values(other, column), rows, other_rows))
        if differ.size:
            found.append((int(steps[differ[0]]), order))
    if found:
        step, order = min(found)
        return Divergence(step, compared[order][1])
    ends = [int(episode.step_numbers[-1]) + 1 for episode in (one, other)]
    return None if ends[0] == ends[1] else Divergence(min(ends), "length")


def _of_agents(episode: Episode) -> set[tuple[str, str]]:
    """The same columns of several agents."""
    words = dict(_COMPARED)
    places = ((spec.name, parse_agent_column(spec.name)) for spec in episode.schema.columns)
    return {(name, words[place[1]]) for name, place in places if place is not None and place[1] in words}


def _values(episode: Episode, name: str) -> NDArray[Any] | None:
    """One row a step: numbers with NaN where a step has none, or texts if the rows have different shapes."""
    if not episode.has_column(name):
        return None
    try:
        values = episode.column(name).astype(np.float64).reshape(episode.n_steps, -1)
    except ShapeChangedError:
        rows = [repr(np.ravel(np.asarray(getattr(step, name))).tolist()) for step in episode.steps()]
        return np.array(rows).reshape(-1, 1)
    return np.where(episode.present(name)[:, np.newaxis], values, np.nan)


def _differ(
    one: NDArray[Any] | None, other: NDArray[Any] | None, rows: NDArray[np.intp], other_rows: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """``bool[n]``: which of these rows differ."""
    if one is None and other is None:
        return np.zeros(len(rows), bool)
    if one is None or other is None or one.shape[1] != other.shape[1] or one.dtype.kind != other.dtype.kind:
        return np.ones(len(rows), bool)
    left, right = one[rows], other[other_rows]
    same = left == right
    if one.dtype.kind == "f":
        same |= np.isnan(left) & np.isnan(right)
    return ~np.asarray(same.all(axis=1), bool)
