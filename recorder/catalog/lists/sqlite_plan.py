"""Which index SQLite walks for a list of episodes, chosen by a sample of them.

SQLite has no statistics here and takes the first index that fits, which over a million rows may mean to read them all. A
listing index holds all that a list filters and sorts by, so that reading a row of it takes a tenth of a microsecond, and
how many rows are read is what a list costs. The sample tells: how many match each filter, and how far behind in the
wanted order the first one lies that matches all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal, literal_column, or_, select, true
from sqlalchemy.engine import Connection

from recorder.catalog.lists.paging import Order
from recorder.catalog.models import episodes

__all__ = ["Condition", "on_best_index"]

_N_SAMPLED = 300
"""Read in a millisecond. What none of them matches, hardly one row in a hundred does."""

_FETCH_ROWS = 20
"""Looking up one row elsewhere takes as long as reading so many rows of an index one after the other."""

_BY_KEY = "ix_episodes_episode_id"
"""The listing index that finds an episode by its key."""

_GOLDEN_RATIO = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter.

    Args:
        sql: the condition on a row.
        index: the listing index where its matches lie one behind the other; None when there is none.
        sorted_by: the orders of lists in which they lie there.
        listed: the condition as ``(run_id, episode_id) IN (…)``, of a filter that looks into another table.
        held_by: the listing indexes that hold what ``sql`` looks at; None means all.
    """

    sql: ColumnElement[bool]
    index: str | None = None
    sorted_by: tuple[str, ...] = ("finished",)
    listed: ColumnElement[bool] | None = None
    held_by: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Path:
    """One way to the rows: an index, and the condition whose matches it leads to; None leads to all rows."""

    index: str
    leader: int | None = None
    is_in_order: bool = True


class _Sampled(NamedTuple):
    """One row of the sample: the value that it is first sorted by, and which of the conditions hold."""

    value: Any
    is_after_cursor: bool
    matches: tuple[bool, ...]


def on_best_index(
    connection: Connection,
    query: Select[tuple[str, int]],
    conditions: Sequence[Condition],
    in_order: Order,
    *,
    after: ColumnElement[bool] | None,
    limit: int,
) -> list[Select[tuple[str, int]]]:
    """The query of ``episodes`` with the conditions, told to take the index that needs to read the fewest rows.

    Args:
        after: the rows that come after the cursor; None when there is none.
        limit: how many rows are wanted.

    Returns:
        What to execute, one after the other until one gives ``limit`` rows. When the index has another order than the
        wanted one, the first looks at the best values only, because sorting costs more than reading.
    """
    paths = _paths(conditions, in_order)
    if len(paths) == 1:
        return [_walk(query.where(*(condition.sql for condition in conditions)), paths[0])]
    n_rows = connection.execute(select(func.max(literal_column("episodes.rowid"))).select_from(episodes)).scalar() or 0
    sample = _sample(connection, n_rows, [true() if after is None else after, *(c.sql for c in conditions)], in_order)
    n_matches = max(1, limit * len(sample) // max(1, n_rows))
    path = min(paths, key=lambda path: _cost(path, conditions, sample, n_matches))
    for number, condition in enumerate(conditions):
        listed = condition.listed if number == path.leader else None
        query = query.where(condition.sql if listed is None else listed)
    whole = _walk(query, path)
    bounds = [row.value for row in sample if row.is_after_cursor and all(row.matches)][n_matches + 1 : n_matches + 2]
    if path.is_in_order or not bounds or bounds[0] is None:
        return [whole]
    column = in_order.columns[0]
    bound = literal(bounds[0], column.type)
    # Unknown values come first in ascending order.
    best = column >= bound if in_order.descending else or_(column <= bound, column.is_(None))
    return [whole.where(best), whole]


def _walk(query: Select[tuple[str, int]], path: _Path) -> Select[tuple[str, int]]:
    return query.with_hint(episodes, f"INDEXED BY {path.index}", "sqlite")


def _paths(conditions: Sequence[Condition], in_order: Order) -> list[_Path]:
    by = in_order.name.removeprefix("-")
    paths = [_Path(f"ix_episodes_{by}")]
    for number, condition in enumerate(conditions):
        if condition.index is not None:
            paths.append(_Path(condition.index, number, by in condition.sorted_by))
        elif condition.listed is not None:
            paths.append(_Path(_BY_KEY, number, is_in_order=False))
    return paths


def _sample(
    connection: Connection, n_rows: int, conditions: Sequence[ColumnElement[bool]], in_order: Order
) -> list[_Sampled]:
    """Some rows in the wanted order.

    Multiples of the golden ratio spread evenly, however many there are, and in step with nothing: a fixed stride would
    see only some of the lanes.

    Args:
        conditions: the first one tells what comes after the cursor.
    """
    spread = {1 + int(number * _GOLDEN_RATIO % 1 * n_rows) for number in range(_N_SAMPLED)}
    chosen = func.json_each(json.dumps(sorted(spread))).table_valued("value")
    held = (condition.label(f"c{number}") for number, condition in enumerate(conditions))
    query = select(in_order.columns[0], *held).select_from(episodes)
    query = query.where(literal_column("episodes.rowid").in_(select(chosen.c.value)))
    rows: Iterable[Sequence[Any]] = connection.execute(
        in_order.sort(query.with_hint(episodes, "NOT INDEXED", "sqlite"))
    )
    return [_Sampled(value, bool(is_after), tuple(matches)) for value, is_after, *matches in rows]


def _cost(path: _Path, conditions: Sequence[Condition], sample: Sequence[_Sampled], n_matches: int) -> int:
    """How many rows of an index take as long as this path does, in units of sampled rows.

    Args:
        n_matches: after so many matches in the sample the page is full.
    """
    held = [c.held_by is None or path.index in c.held_by for c in conditions]
    cost = 0
    for _, is_after, matches in sample:
        if path.leader is not None and not matches[path.leader]:
            continue
        if path.is_in_order and not is_after:
            continue
        fits_index = all(match for match, is_held in zip(matches, held, strict=True) if is_held)
        is_sought = path.leader is not None and conditions[path.leader].listed is not None
        looks_further = is_sought or (fits_index and not all(held))
        cost += 1 + _FETCH_ROWS * looks_further
        if path.is_in_order and is_after and all(matches):
            n_matches -= 1
            if n_matches == 0:
                break
    return cost
