"""Statements on many episodes of a run, and the table of reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.engine import Connection

from recorder.catalog.base import insert_or
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
    if reasons and not fresh:
        connection.execute(_delete_reasons, [{"of_run": run_id, "of_episode": id_} for run_id, id_, _ in reasons])
    rows = [
        {"run_id": run_id, "episode_id": episode_id, "reason": reason}
        for run_id, episode_id, words in reasons
        for reason in words
    ]
    if rows:
        connection.execute(insert_or(connection.dialect, recording_reasons, update={}), rows)
