"""What an episode without positions is watched by: reward, action, meters and extras, each of their numbers a row over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.video.series import EpisodeSeries, Floats

__all__ = ["MAX_ROWS", "Signal", "choose_signals"]

MAX_ROWS = 12
"""More could not be told apart. The page's ``views/signals.js`` chooses alike."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One row.

    Args:
        name: as the row is labelled.
        column: ``reward``, ``action``, ``meters``, or an extra's name with ``extras.`` before it.
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
        """Numbers of the column."""
        return int(self.columns.shape[1])

    @property
    def line(self) -> Floats:
        """``float64[n_steps]``: the numbers of a row that is no band; NaN where there is none."""
        return np.where(self.present, self.columns[:, self.component or 0].astype(np.float64), np.nan)


def choose_signals(series: EpisodeSeries) -> list[Signal]:
    """A line for each number; where these are too many, a band instead for the widest column, then for the next one.

    What there is still no room for is left out.
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
    names = {"meters": series.meter_names}
    rows = []
    for group in groups:
        rows += [group] if group.column in bands else _lines(group, names.get(group.column, ()))
    return rows[:MAX_ROWS]


def _groups(series: EpisodeSeries) -> list[Signal]:
    """All columns as bands."""
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
