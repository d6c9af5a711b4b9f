"""Statements on many episodes of a run, and the table of reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.engine import Connection

from recorder.catalog.base import BulkUpsert
from recorder.catalog.locks import in_batches
from recorder.catalog.models import episodes, recording_reasons

__all__ = ["delete_of_episodes", "plays_of", "replace_reasons"]


def plays_of(connection: Connection, run_id: str, episode_ids: Iterable[int], *, lock: bool = False) -> dict[int, int]:
    """The ``play_id`` of each of these episodes that exists.

    Args:
        lock: lock the rows until the transaction ends (always so on SQLite).
    """
    found: dict[int, int] = {}
    for ids in in_batches(episode_ids):
        query = select(episodes.c.episode_id, episodes.c.play_id)
        query = query.where(episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids))
        if lock:
            query = query.order_by(episodes.c.episode_id).with_for_update()
        found.update((episode_id, play_id) for episode_id, play_id in connection.execute(query))
    return found


def delete_of_episodes(connection: Connection, table: Table, run_id: str, episode_ids: Iterable[int]) -> int:
    """Delete the rows of these episodes from ``table``; returns their number."""
    n_deleted = 0
    for ids in in_batches(episode_ids):
        gone = connection.execute(delete(table).where(table.c.run_id == run_id, table.c.episode_id.in_(ids)))
        n_deleted += gone.rowcount
    return n_deleted


class _Reason(NamedTuple):
    run_id: str
    episode_id: int
    reason: str


_insert_reasons = BulkUpsert(recording_reasons, update={})
_delete_reasons = delete(recording_reasons).where(
    recording_reasons.c.run_id == bindparam("of_run"), recording_reasons.c.episode_id == bindparam("of_episode")
)


def replace_reasons(
    connection: Connection, reasons: Sequence[tuple[str, int, Sequence[str]]], *, fresh: bool = False
) -> None:
    """Set the reasons of these episodes in the search table.

    Args:
        reasons: run, episode, reasons.
        fresh: True if the table has none of these episodes.
    """
    if not fresh:
        known = _reasons_of(connection, reasons)
        reasons = [it for it in reasons if known.get(it[:2], set()) != set(it[2])]  # of most they are there already
        if reasons:
            connection.execute(_delete_reasons, [{"of_run": run_id, "of_episode": id_} for run_id, id_, _ in reasons])
    _insert_reasons(
        connection, [_Reason(run_id, episode_id, word) for run_id, episode_id, words in reasons for word in words]
    )


def _reasons_of(
    connection: Connection, reasons: Sequence[tuple[str, int, Sequence[str]]]
) -> dict[tuple[str, int], set[str]]:
    """The reasons that the search table has of these episodes."""
    found: dict[tuple[str, int], set[str]] = {}
    columns = (recording_reasons.c.episode_id, recording_reasons.c.reason)
    for run_id in {run_id for run_id, _, _ in reasons}:
        for ids in in_batches(episode_id for of_run, episode_id, _ in reasons if of_run == run_id):
            query = select(*columns).where(
                recording_reasons.c.run_id == run_id, recording_reasons.c.episode_id.in_(ids)
            )
            for episode_id, reason in connection.execute(query):
                found.setdefault((run_id, episode_id), set()).add(reason)
    return found
