"""Chooses what PostgreSQL reads first for a list of episodes with a filter on another table, such as by agent or tag.

Its statistics say how many rows of that table match, but not where they are in the list. It may look up a million rows of the
list to find the last few that match, or join all that match to show the first fifty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, tuple_
from sqlalchemy.engine import Connection

from recorder.catalog.lists.paging import Order
from recorder.catalog.lists.sqlite_plan import Condition
from recorder.catalog.models import episodes

__all__ = ["on_nearest_first"]

_N_NEAREST = 400
"""Rows of the list that are looked at first, each by a look-up in the other table: the first page, if one in eight matches."""

_FEW = 500
"""Matches whose keys are put into the query: they are looked up one by one."""

_RUN_ID, _EPISODE_ID = episodes.c.run_id, episodes.c.episode_id


def on_nearest_first(
    connection: Connection,
    query: Select[tuple[str, int]],
    conditions: Sequence[Condition],
    in_order: Order,
    *,
    part: ColumnElement[bool],
    limit: int,
) -> Iterator[Select[tuple[str, int]]]:
    """The query with its conditions, in forms that read few rows.

    Args:
        query, part, limit: as for ``on_best_index``.

    Returns:
        Queries to run until one gives ``limit`` rows; the last one gives all there are.
    """
    own = [condition.sql for condition in conditions if condition.listed is None]
    lists = {number: c.listed for number, c in enumerate(conditions) if c.listed is not None}
    if lists:
        near = in_order.sort(select(*in_order.columns).where(part, *own).limit(_N_NEAREST)).subquery()
        columns: list[Any] = [near.c[column.name] for column in in_order.columns]
        key = (near.c.run_id, near.c.episode_id)
        looked_up = [condition.looked_up(*key) for condition in conditions if condition.looked_up is not None]
        yield replace(in_order, columns=columns).sort(select(*key).where(*looked_up).limit(limit))
    for number, listed in lists.items():
        if not conditions[number].is_exact:
            continue  # to find what matches a pattern may take long
        found = [(row.run_id, row.episode_id) for row in connection.execute(listed.limit(_FEW + 1))]
        if len(found) <= _FEW:
            rest = [conditions[other].sql for other in lists if other != number]
            yield query.where(_is_among(found), *own, *rest)
            return
    yield query.where(*own, *(tuple_(_RUN_ID, _EPISODE_ID).in_(listed) for listed in lists.values()))


def _is_among(keys: Sequence[tuple[str, int]]) -> ColumnElement[bool]:
    by_run: dict[str, list[int]] = {}
    for run_id, episode_id in keys:
        by_run.setdefault(run_id, []).append(episode_id)
    return or_(false(), *(and_(_RUN_ID.in_([run_id]), _EPISODE_ID.in_(ids)) for run_id, ids in by_run.items()))
