"""The one order in which transactions lock rows, so that no two of them wait for each other.

Runs come first, then episodes, then recordings with their reasons; a video comes before its segments. Within a table rows are
locked by ascending key. PostgreSQL locks rows as they are written, in the order of the statements; a transaction that would
write in another order takes its locks here first. On SQLite one transaction writes at a time, and nothing is done.

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
"""What others may not do to a run: delete it; change it; refer to it by new rows."""

_KEY = (episodes.c.run_id, episodes.c.episode_id)


_IDS_A_STATEMENT = 1000
"""How many ids stand in one ``IN``; SQLite takes 32,766 parameters at most."""


def in_batches(ids: Iterable[int]) -> list[list[int]]:
    """The ids in ascending order, each once, cut into lists short enough for one statement."""
    ordered = sorted(set(ids))
    return [ordered[start : start + _IDS_A_STATEMENT] for start in range(0, len(ordered), _IDS_A_STATEMENT)]


def lock_runs(connection: Connection, run_ids: Iterable[str], *, against: RunLock) -> set[str]:
    """Lock those of the runs that are there.

    A transaction takes the strongest lock that it needs at once: two that hold a weak one and ask for more can wait for each
    other by way of a third.

    Returns:
        The runs that are locked; on SQLite all of them.
    """
    wanted = sorted(set(run_ids))
    if connection.dialect.name != "postgresql":
        return set(wanted)
    query = select(runs.c.run_id).where(runs.c.run_id.in_(wanted)).order_by(_run_order(runs.c.run_id))
    query = query.with_for_update(read=against == "deletion", key_share=against != "all")
    return set(connection.execute(query).scalars())


def lock_episodes_of(connection: Connection, run_id: str, episode_ids: Iterable[int] | None = None) -> None:
    """Lock those of these episodes of a run that are there; None is all of them."""
    if connection.dialect.name != "postgresql":
        return
    for ids in [None] if episode_ids is None else in_batches(episode_ids):
        query = _locking(episodes.c.run_id == run_id)
        connection.execute(query if ids is None else query.where(episodes.c.episode_id.in_(ids))).all()


def update_episodes(connection: Connection, *which: ColumnElement[bool]) -> Update:
    """An update of the episodes that meet all the conditions, which locks them in order."""
    if connection.dialect.name != "postgresql":
        return update(episodes).where(*which)
    return update(episodes).where(tuple_(*_KEY).in_(_locking(*which)))


def _locking(*which: ColumnElement[bool]) -> Select[tuple[str, int]]:
    return select(*_KEY).where(*which).order_by(_run_order(episodes.c.run_id), episodes.c.episode_id).with_for_update()


def _run_order(run_id: ColumnElement[str]) -> ColumnElement[str]:
    """The order in which Python sorts run ids, whatever the database's own is: that of their code points."""
    return collate(run_id, "C")
