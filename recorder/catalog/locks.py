"""The order in which transactions lock rows, so that no two wait for each other.

Runs come first, then episodes, then recordings with their reasons and agents; a video comes before its segments. Within a table,
rows are locked in ascending key order. PostgreSQL locks rows as they are written; a transaction that writes in another
order takes its locks here first. SQLite has one writer at a time and needs no locks.

Source: PostgreSQL manual, "Explicit Locking", 13.3.2 row-level locks and 13.3.4 deadlocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import ColumnElement, Select, Update, collate, select, tuple_, update
from sqlalchemy.engine import Connection

from recorder.catalog.models import episodes, runs

__all__ = ["RunLock", "in_batches", "lock_episodes_of", "lock_runs", "update_episodes"]

RunLock = Literal["deletion", "change", "all"]
"""What others may not do to a run: delete it, change it, or add rows that refer to it."""

_KEY = (episodes.c.run_id, episodes.c.episode_id)


_IDS_A_STATEMENT = 1000
"""Ids per ``IN``; SQLite allows 32,766 parameters."""


def in_batches(ids: Iterable[int]) -> list[list[int]]:
    """Unique ids in ascending order, in lists that fit one statement."""
    ordered = sorted(set(ids))
    return [ordered[start : start + _IDS_A_STATEMENT] for start in range(0, len(ordered), _IDS_A_STATEMENT)]


def lock_runs(connection: Connection, run_ids: Iterable[str], *, against: RunLock) -> set[str]:
    """Lock the runs that exist.

    Take the strongest lock first: two transactions that upgrade a weak lock can deadlock through a third.

    Returns:
        The locked runs; on SQLite all ``run_ids``.
    """
    wanted = sorted(set(run_ids))
    if connection.dialect.name != "postgresql":
        return set(wanted)
    query = select(runs.c.run_id).where(runs.c.run_id.in_(wanted)).order_by(_run_order(runs.c.run_id))
    query = query.with_for_update(read=against == "deletion", key_share=against != "all")
    return set(connection.execute(query).scalars())


def lock_episodes_of(connection: Connection, run_id: str, episode_ids: Iterable[int] | None = None) -> None:
    """Lock these episodes of a run, as far as they exist; None locks all."""
    if connection.dialect.name != "postgresql":
        return
    for ids in [None] if episode_ids is None else in_batches(episode_ids):
        query = _locking(episodes.c.run_id == run_id)
        connection.execute(query if ids is None else query.where(episodes.c.episode_id.in_(ids))).all()


def update_episodes(connection: Connection, *which: ColumnElement[bool]) -> Update:
    """An update of the episodes that match all conditions, which locks them in order."""
    if connection.dialect.name != "postgresql":
        return update(episodes).where(*which)
    return update(episodes).where(tuple_(*_KEY).in_(_locking(*which)))


def _locking(*which: ColumnElement[bool]) -> Select[tuple[str, int]]:
    return select(*_KEY).where(*which).order_by(_run_order(episodes.c.run_id), episodes.c.episode_id).with_for_update()


def _run_order(run_id: ColumnElement[str]) -> ColumnElement[str]:
    """Python's order of run ids, by code point, whatever the database's collation."""
    return collate(run_id, "C")
