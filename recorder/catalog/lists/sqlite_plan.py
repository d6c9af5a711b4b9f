"""Chooses SQLite's index for a list of episodes from a sample of rows.

SQLite has no statistics here and takes the first index that fits, which may mean reading a million rows. A listing
index holds every column that lists filter and sort by, so a list costs about as much as the number of index rows it
reads. The sample estimates how many rows match each filter, and how far the first match is in the wanted order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal, literal_column, or_, select, tuple_
from sqlalchemy.engine import Connection

from recorder.catalog.lists.paging import Order
from recorder.catalog.models import episodes

__all__ = ["Condition", "on_best_index"]

_N_SAMPLED = 300
"""Read in a millisecond. A filter that matches none of them matches less than one row in a hundred."""

_FETCH_ROWS = 20
"""A lookup of one row takes as long as reading this many index rows in sequence."""

_BY_KEY = "ix_episodes_episode_id"
"""The listing index that starts with the episode's key."""

_KEY = tuple_(episodes.c.run_id, episodes.c.episode_id)

_GOLDEN_RATIO = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter.

    Args:
        sql: the condition on a row.
        index: listing index in which its matches are adjacent; None if there is none.
        sorted_by: orders in which the matches are sorted in that index.
        listed: the keys of all matches, run and episode, for a filter on another table.
        looked_up: the condition for such a key, as a look-up in that table.
        is_exact: whether an index leads to each of ``listed``, and to nothing else.
        held_by: listing indexes with the columns of ``sql``; None for all.
    """

    sql: ColumnElement[bool]
    index: str | None = None
    sorted_by: tuple[str, ...] = ("finished",)
    listed: Select[tuple[str, int]] | None = None
    held_by: tuple[str, ...] | None = None
    looked_up: Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]] | None = None
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class _Path:
    """An index, and the condition whose matches it leads to; None leads to all rows."""

    index: str
    leader: int | None = None
    is_in_order: bool = True


class _Sampled(NamedTuple):
    """A row of the sample: its first sort value, and which conditions hold."""

    value: Any
    is_after_cursor: bool
    matches: tuple[bool, ...]


def on_best_index(
    connection: Connection,
    query: Select[tuple[str, int]],
    conditions: Sequence[Condition],
    in_order: Order,
    *,
    part: ColumnElement[bool],
    limit: int,
) -> list[Select[tuple[str, int]]]:
    """The query with its conditions, on the index that reads the fewest rows.

    Args:
        part: condition of the query for rows after the cursor.
        limit: number of rows to find.

    Returns:
        Queries to run until one gives ``limit`` rows. If the index has another order, the first query reads only the
        best values, because sorting costs more than reading.
    """
    paths = _paths(conditions, in_order)
    if len(paths) == 1:
        return [_walk(query.where(*(condition.sql for condition in conditions)), paths[0])]
    n_rows = connection.execute(select(func.max(literal_column("episodes.rowid"))).select_from(episodes)).scalar() or 0
    sample = _sample(connection, n_rows, [part, *(c.sql for c in conditions)], in_order)
    n_matches = max(1, limit * len(sample) // max(1, n_rows))
    # Of equal ones, that in another order: the rows of its filter are all that it reads.
    path = min(paths, key=lambda path: (_cost(path, conditions, sample, n_matches), path.is_in_order))
    for number, condition in enumerate(conditions):
        listed = condition.listed if number == path.leader else None
        query = query.where(condition.sql if listed is None else _KEY.in_(listed))
    whole = _walk(query, path)
    bounds = [row.value for row in sample if row.is_after_cursor and all(row.matches)][n_matches + 1 : n_matches + 2]
    if path.is_in_order or not bounds or bounds[0] is None:
        return [whole]
    column = in_order.columns[0]
    bound = literal(bounds[0], column.type)
    # NULL comes first in ascending order.
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

    Multiples of the golden ratio are spread evenly for any number of rows, without a period; a fixed stride could miss
    lanes.

    Args:
        conditions: the first one is whether the row comes after the cursor.
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
    """Estimated cost of a path, in sampled rows.

    Args:
        n_matches: matches in the sample that fill the page.
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
