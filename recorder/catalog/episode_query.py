"""The query behind ``list_episodes``: filters, order, paging, and which index to walk.

PostgreSQL plans by statistics. SQLite has none here and takes the first index that fits, which over a million rows may
mean to sort half of them. So on SQLite the filters that have no index in the wanted order are probed: one that matches
few rows leads, and its rows are sorted; when none does, the order's own index is walked, where a page is full soon,
because each filter matches many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import nan
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Select, and_, exists, func, literal, literal_column, select, tuple_
from sqlalchemy.engine import Connection

from recorder.catalog.column_types import Float64
from recorder.catalog.episode_rows import fetch_episodes, select_episodes
from recorder.catalog.models import episode_tags, episodes, recording_reasons
from recorder.catalog.paging import Order, parse_order
from recorder.catalog.rows import EpisodePage
from recorder.catalog.sql_glob import matches_glob
from recorder.errors import UsageError

__all__ = ["EpisodeFilter", "page_of_episodes"]

_key = (episodes.c.run_id, episodes.c.episode_id)
_time = (episodes.c.finished_unix_nanos, *_key)

_ORDERS = {
    "finished": _time,
    "episode_id": (episodes.c.episode_id, episodes.c.run_id),
    "reward": (episodes.c.total_reward, *_time),
    "length": (episodes.c.survival_steps, *_time),
    "stage": (episodes.c.curriculum_stage, *_time),
}

_FEW = 2_000
"""Rows that are fetched and sorted in some milliseconds."""
_FEW_BY_REWARD = 150_000
"""The same for rewards, whose index holds all that the order needs, so that no rows are fetched."""


@dataclass(frozen=True, slots=True)
class EpisodeFilter:
    """Which episodes; None filters nothing. ``EpisodeOperations.list_episodes`` describes the fields."""

    run: str | None = None
    stage: int | None = None
    reason: str | None = None
    status: str | None = None
    decision: str | None = None
    lane: int | None = None
    min_reward: float | None = None
    max_reward: float | None = None
    tag: str | None = None
    recorded: bool | None = None
    min_episode: int | None = None
    max_episode: int | None = None


@dataclass(frozen=True, slots=True)
class _Condition:
    """One filter: as a condition that an index may answer, as one that none may, and the rows that it matches."""

    leading: ColumnElement[bool]
    following: ColumnElement[bool]
    matches: Select[Any]
    column: ColumnClause[Any] | None = None
    """The column that it compares; its index serves an order that begins with it."""
    in_time_order: bool = False
    """Whether its index yields its matches in the order ``finished``."""


def page_of_episodes(
    connection: Connection, wanted: EpisodeFilter, *, order: str, cursor: str | None, limit: int
) -> EpisodePage:
    """One page; the arguments are those of ``EpisodeOperations.list_episodes``.

    Raises:
        UsageError: the order is unknown, the cursor is not of this order, or the limit is not positive.
    """
    if limit < 1:
        raise UsageError(f"limit must be 1 or more, got {limit}")
    in_order = parse_order(order, _ORDERS)
    conditions, leader = _plan(connection, wanted, in_order)
    # An index that leads must not lose to the one that has the order, so then the order is written without an index.
    key_order = in_order if leader is None else replace(in_order, columns=[_without_index(c) for c in in_order.columns])
    # The keys first, from an index where it can be; then the rows of this page only. One more tells whether a page follows.
    keys = key_order.sort(select(*_key).where(*conditions).limit(limit + 1))
    if cursor is not None:
        keys = keys.where(key_order.after(cursor))
    chosen = keys.subquery()
    on_page = and_(chosen.c.run_id == episodes.c.run_id, chosen.c.episode_id == episodes.c.episode_id)
    query = select_episodes().join(chosen, on_page)
    found = fetch_episodes(connection, in_order.sort(query))
    page = found[:limit]
    return EpisodePage(page, in_order.cursor_of(page[-1]) if len(found) > limit else None)


def _plan(
    connection: Connection, wanted: EpisodeFilter, in_order: Order
) -> tuple[list[ColumnElement[bool]], _Condition | None]:
    """The filters, each written so that an index may answer it or not, and the one that leads, if any does."""
    conditions = list(_conditions(wanted, connection.dialect.name))
    plan: list[ColumnElement[bool]] = []
    leader: _Condition | None = None
    if connection.dialect.name == "sqlite":
        leader = next((condition for condition in conditions if _matches_few(connection, condition)), None)
        for condition in conditions:
            leads = condition is leader if leader is not None else _has_order(condition, in_order)
            plan.append(condition.leading if leads else condition.following)
    else:
        plan = [condition.leading for condition in conditions]
    if wanted.recorded is not None:
        plan.append(episodes.c.written_at.is_not(None) if wanted.recorded else episodes.c.written_at.is_(None))
    return plan, leader


def _has_order(condition: _Condition, in_order: Order) -> bool:
    if in_order.columns is _time:
        return condition.in_time_order
    return condition.column is in_order.columns[0]


def _matches_few(connection: Connection, condition: _Condition) -> bool:
    few = _FEW_BY_REWARD if condition.column is episodes.c.total_reward else _FEW
    probe = select(func.count()).select_from(condition.matches.limit(few + 1).subquery())
    return connection.execute(probe).scalar_one() <= few


def _conditions(wanted: EpisodeFilter, dialect_name: str) -> Iterator[_Condition]:
    for column, value in (
        (episodes.c.run_id, wanted.run),
        (episodes.c.curriculum_stage, wanted.stage),
        (episodes.c.status, wanted.status),
        (episodes.c.decision, wanted.decision),
        (episodes.c.lane, wanted.lane),
    ):
        if value is not None:
            matches = select(literal(1)).where(column == value)
            yield _Condition(column == value, _without_index(column) == value, matches, column, in_time_order=True)
    for column, low, high in (
        (episodes.c.episode_id, wanted.min_episode, wanted.max_episode),
        (episodes.c.total_reward, wanted.min_reward, wanted.max_reward),
    ):
        if low is not None or high is not None:
            in_range = _range(column, low, high)
            yield _Condition(
                in_range, _range(_without_index(column), low, high), select(literal(1)).where(in_range), column
            )
    if wanted.reason is not None:
        yield _listed_in(recording_reasons, matches_glob(recording_reasons.c.reason, wanted.reason, dialect_name))
    if wanted.tag is not None:
        yield _listed_in(episode_tags, episode_tags.c.tag == wanted.tag)


def _range(column: ColumnClause[Any], low: float | None, high: float | None) -> ColumnElement[bool]:
    conditions = []
    if low is not None:
        conditions.append(column >= low)
    if high is not None:
        conditions.append(column <= high)
    elif isinstance(column.type, Float64):
        conditions.append(column < nan)  # NaN sorts above all numbers, so that a lower bound alone would let it in
    return and_(*conditions)


def _listed_in(table: Any, matches: ColumnElement[bool]) -> _Condition:
    of_episode = and_(table.c.run_id == episodes.c.run_id, table.c.episode_id == episodes.c.episode_id)
    keys = select(table.c.run_id, table.c.episode_id).where(matches)
    return _Condition(tuple_(*_key).in_(keys), exists().where(of_episode, matches), keys)


def _without_index(column: ColumnClause[Any]) -> ColumnClause[Any]:
    """The column, written so that SQLite looks for no index on it."""
    return literal_column(f"+{episodes.name}.{column.name}", column.type)
