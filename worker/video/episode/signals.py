"""Selects what is shown over time of an episode without positions: reward, action, meters and extras, a row per
number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.outline.scene import observation_names
from worker.video.episode.series import EpisodeSeries, Floats

__all__ = ["MAX_ROWS", "Signal", "choose_signals"]

MAX_ROWS = 12
"""Limit of rows that can be told apart. The page's ``views/signals.js`` selects the same way."""

_OBSERVATION = "extras.observation"


@dataclass(frozen=True, slots=True)
class Signal:
    """One row.

    Args:
        name: its label.
        column: ``reward``, ``action``, ``meters``, or ``extras.`` and an extra's name.
        component: which of the column's numbers; None for a band, which shows them all.
        columns: the whole column, ``dtype[n_steps, n_values]``.
        present: ``bool[n_steps]``: which steps have a value.
    """

    name: str
    column: str
    component: int | None
    columns: NDArray[Any]
    present: NDArray[np.bool_]

    @property
    def n_values(self) -> int:
        """Number of values in the column."""
        return int(self.columns.shape[1])

    @property
    def line(self) -> Floats:
        """Return ``float64[n_steps]``: the numbers of a row that is not a band; NaN where missing."""
        return np.where(self.present, self.columns[:, self.component or 0].astype(np.float64), np.nan)


def choose_signals(series: EpisodeSeries) -> list[Signal]:
    """Return a line per number. If that is too many, the widest column becomes a band, then the next.

    Rows beyond the limit are dropped.
    """
    groups = _groups(series)
    bands: set[str] = set()

    def n_rows(group: Signal) -> int:
        return 1 if group.column in bands else group.n_values

    while sum(map(n_rows, groups)) > MAX_ROWS:
        widest = max(groups, key=n_rows)
        if n_rows(widest) == 1:
            break
        bands.add(widest.column)
    n_observed = next((group.n_values for group in groups if group.column == _OBSERVATION), 0)
    names = {"meters": series.meter_names, _OBSERVATION: observation_names(series.metadata.info, n_observed)}
    rows = []
    for group in groups:
        rows += [group] if group.column in bands else _lines(group, names.get(group.column, ()))
    return rows[:MAX_ROWS]


def _groups(series: EpisodeSeries) -> list[Signal]:
    """Return all columns as bands."""
    everywhere = np.ones(series.n_steps, np.bool_)
    action = series.action_vectors
    if action is None and series.actions is not None:
        action = np.where(series.actions < 0, np.nan, series.actions)[:, None]
    found = [("reward", series.rewards[:, None]), ("action", action), ("meters", series.meters)]
    groups = [Signal(name, name, None, values, everywhere) for name, values in found if values is not None]
    groups += [Signal(name, f"extras.{name}", None, values, present) for name, values, present in series.extras]
    return [group for group in groups if group.n_values]


def _lines(group: Signal, names: Sequence[str]) -> list[Signal]:
    if not names:
        names = [f"{group.name} {i}" for i in range(group.n_values)] if group.n_values > 1 else [group.name]
    return [Signal(label, group.column, i, group.columns, group.present) for i, label in enumerate(names)]
