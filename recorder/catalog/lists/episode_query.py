"""The query of ``list_episodes``: filters, order, paging.

``sqlite_plan`` chooses the index for SQLite, ``postgres_plan`` what to read first in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, Select, Table, and_, exists, literal_column, or_, select, true
from sqlalchemy.engine import Connection

from recorder.catalog.column_types import Float64
from recorder.catalog.lists.episode_rows import fetch_episodes, select_episodes
from recorder.catalog.lists.paging import Order, parse_order
from recorder.catalog.lists.postgres_plan import on_nearest_first
from recorder.catalog.lists.sql_glob import matches_glob
from recorder.catalog.lists.sqlite_plan import Condition, on_best_index
from recorder.catalog.models import episode_tags, episodes, recording_agents, recording_reasons, recordings
from recorder.catalog.rows import EpisodePage, EpisodeRow
from recorder.errors import UsageError

__all__ = ["IS_KEPT", "EpisodeFilter", "page_of_episodes"]

_key = (episodes.c.run_id, episodes.c.episode_id)
_time = (episodes.c.finished_unix_nanos, *_key)

_ORDERS = {
    "finished": _time,
    "episode_id": (episodes.c.episode_id, episodes.c.run_id),
    "reward": (episodes.c.total_reward, *_time),
    "length": (episodes.c.survival_steps, *_time),
    "stage": (episodes.c.curriculum_stage, *_time),
}

_compiled: dict[Any, Any] = {}
"""Cache for the statement that fetches rows only. Thousands of other statements would fill the heap, and garbage
collection would stop the server for a third of a second.
"""

IS_KEPT = episodes.c.decision != literal_column("'skipped'")
"""Also held ones. The value is part of the SQL text, as in the partial index; else SQLite would not use it."""
_IS_UNCOMMON = episodes.c.status != literal_column("'complete'")


@dataclass(frozen=True, slots=True)
class EpisodeFilter:
    """Filters; None filters nothing. ``EpisodeOperations.list_episodes`` describes the fields."""

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
    complete: bool | None = None
    agent: str | None = None
    seed: str | None = None


def page_of_episodes(
    connection: Connection, wanted: EpisodeFilter, *, order: str, cursor: str | None, limit: int
) -> EpisodePage:
    """A page of episodes; arguments as for ``EpisodeOperations.list_episodes``.

    Raises:
        UsageError: the order is unknown, the cursor belongs to another order, or the limit is not positive.
    """
    if limit < 1:
        raise UsageError(f"limit must be 1 or more, got {limit}")
    in_order = parse_order(order, _ORDERS)
    connection.execution_options(compiled_cache=None)
    conditions = list(_conditions(wanted, connection.dialect.name))
    # First only the keys, from an index if possible, then the rows of this page. One extra key shows whether another
    # page follows.
    keys: list[tuple[str, int]] = []
    for part in in_order.parts(cursor):
        if len(keys) <= limit:
            keys += _keys(connection, conditions, in_order, part, limit + 1 - len(keys))
    connection.execution_options(compiled_cache=_compiled)
    by_key: dict[tuple[str, int], EpisodeRow] = {}
    # One run at a time: the statement then stays the same, and uses the primary key.
    for run_id in {run_id for run_id, _ in keys[:limit]}:
        ids = [episode_id for run, episode_id in keys[:limit] if run == run_id]
        query = select_episodes().where(episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids))
        by_key.update(((run_id, row.episode_id), row) for row in fetch_episodes(connection, query))
    page = [by_key[key] for key in keys[:limit]]
    return EpisodePage(page, in_order.cursor_of(page[-1]) if len(keys) > limit else None)


def _keys(
    connection: Connection, conditions: Sequence[Condition], in_order: Order, part: ColumnElement[bool], limit: int
) -> list[tuple[str, int]]:
    """The first keys of a part of the list."""
    query = in_order.sort(select(*_key).limit(limit)).where(part)
    queries: Iterable[Select[tuple[str, int]]]
    if connection.dialect.name == "sqlite":
        queries = on_best_index(connection, query, conditions, in_order, part=part, limit=limit)
    else:
        queries = on_nearest_first(connection, query, conditions, in_order, part=part, limit=limit)
    keys: list[tuple[str, int]] = []
    for query in queries:
        keys = [(key.run_id, key.episode_id) for key in connection.execute(query)]
        if len(keys) >= limit:
            break
    return keys


def _conditions(wanted: EpisodeFilter, dialect_name: str) -> Iterator[Condition]:
    for column, value, index, sorted_by in (
        (episodes.c.run_id, wanted.run, "ix_episodes_run", ("finished",)),
        (episodes.c.curriculum_stage, wanted.stage, "ix_episodes_stage", ("finished", "stage")),
        (episodes.c.lane, wanted.lane, "ix_episodes_lane", ("finished",)),
    ):
        if value is not None:
            yield Condition(column == value, index, sorted_by)
    # As ranges: given "status = ?", SQLite treats "status <> 'complete'" as a constant and ignores the partial index.
    if wanted.decision is not None:
        yield Condition(episodes.c.decision.between(wanted.decision, wanted.decision))
    if wanted.status == "complete":
        yield Condition(episodes.c.status == wanted.status)
    elif wanted.status is not None:
        is_it = episodes.c.status.between(wanted.status, wanted.status)
        yield Condition(and_(is_it, _IS_UNCOMMON), "ix_episodes_uncommon", sorted_by=())
    if wanted.complete is True:
        yield Condition(episodes.c.status == "complete")
    elif wanted.complete is False:
        yield Condition(_IS_UNCOMMON, "ix_episodes_uncommon", sorted_by=())
    for column, low, high, order in (
        (episodes.c.episode_id, wanted.min_episode, wanted.max_episode, "episode_id"),
        (episodes.c.total_reward, wanted.min_reward, wanted.max_reward, "reward"),
    ):
        if low is not None or high is not None:
            yield Condition(_range(column, low, high), f"ix_episodes_{order}", sorted_by=(order,))
    if wanted.recorded is False:
        yield Condition(or_(episodes.c.decision == "skipped", episodes.c.written_at.is_(None)))  # usually the former
    elif wanted.recorded:
        yield Condition(episodes.c.written_at.is_not(None), held_by=("ix_episodes_kept",))
    # Implied by the other filters; lets SQLite use the partial index.
    if (
        wanted.recorded
        or wanted.reason is not None
        or wanted.agent is not None
        or wanted.seed is not None
        or wanted.decision in ("kept", "held", "deleted")
    ):
        yield Condition(IS_KEPT, "ix_episodes_kept")
    if wanted.reason is not None:
        matches = matches_glob(recording_reasons.c.reason, wanted.reason, dialect_name)
        yield _listed_in(recording_reasons, matches, is_exact=not {"*", "?"} & set(wanted.reason))
    if wanted.tag is not None:
        yield _listed_in(episode_tags, episode_tags.c.tag == wanted.tag)
    if wanted.agent is not None:
        yield _listed_in(recording_agents, recording_agents.c.agent_id == wanted.agent)
    if wanted.seed is not None:
        yield _listed_in(recordings, recordings.c.seed == wanted.seed)


def _range(column: ColumnClause[Any], low: float | None, high: float | None) -> ColumnElement[bool]:
    conditions = []
    if low is not None:
        conditions.append(column >= low)
    if high is not None:
        conditions.append(column <= high)
    elif isinstance(column.type, Float64):
        conditions.append(column < nan)  # NaN sorts above all numbers: a lower bound alone would include it
    return and_(*conditions)


def _listed_in(table: Table, matches: ColumnElement[bool], *, is_exact: bool = True) -> Condition:
    of_episode = and_(table.c.run_id == episodes.c.run_id, table.c.episode_id == episodes.c.episode_id)
    keys = select(table.c.run_id, table.c.episode_id).where(matches)

    def look_up(run_id: ColumnElement[Any], episode_id: ColumnElement[Any]) -> ColumnElement[bool]:
        found = select(true()).where(table.c.run_id == run_id, table.c.episode_id == episode_id, matches).limit(1)
        return found.scalar_subquery()

    return Condition(exists().where(of_episode, matches), listed=keys, held_by=(), looked_up=look_up, is_exact=is_exact)
