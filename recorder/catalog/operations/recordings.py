"""Operations on ``recordings``: the episode files and their search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from math import nan
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, delete, func, literal, select, tuple_, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import BulkUpsert, CatalogBase, write_transaction
from recorder.catalog.lists.keys import delete_of_episodes, replace_reasons
from recorder.catalog.lists.paging import parse_order
from recorder.catalog.lists.sql_glob import matches_glob
from recorder.catalog.locks import in_batches, lock_episodes_of, lock_runs
from recorder.catalog.models import episodes, recording_agents, recording_reasons, recordings
from recorder.catalog.operations.agents import replace_agents
from recorder.catalog.operations.runs import add_missing_runs
from recorder.catalog.rows import RecordingRow
from recorder.errors import RecordingNotFoundError, UsageError
from recorder.runtime.python_versions import UTC

__all__ = ["RecordingOperations", "write_recordings"]

_key = (recordings.c.run_id, recordings.c.episode_id)

_ORDERS = {
    "timestamp": (recordings.c.timestamp, *_key),
    "episode_id": (recordings.c.episode_id, recordings.c.run_id),
    "reward": (recordings.c.total_reward, *_key),
    "length": (recordings.c.survival_steps, *_key),
    "stage": (recordings.c.curriculum_stage, recordings.c.timestamp, *_key),
    "agent_return": (recording_agents.c.total_reward, *_key),
}

_is_of_recording = (recording_agents.c.run_id == recordings.c.run_id) & (
    recording_agents.c.episode_id == recordings.c.episode_id
)

_upsert_recordings = BulkUpsert(recordings)


class RecordingOperations(CatalogBase):
    """Recordings: files and their searchable data."""

    def query_recordings(
        self,
        stage: int | None = None,
        reason: str | None = None,
        min_reward: float | None = None,
        max_reward: float | None = None,
        limit: int | None = None,
        *,
        run: str | None = None,
        lane: int | None = None,
        status: str | None = None,
        agent: str | None = None,
        seed: str | None = None,
        order: str = "-timestamp",
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """The recordings that match all filters, newest first, as dictionaries by column name.

        Args:
            reason: one of the recording's reasons; ``*`` and ``?`` are wildcards (``stage_*_pre_transition``).
            min_reward, max_reward: inclusive bounds of the return; they exclude NaN.
            agent: id of one of its agents.
            seed: what its environment was reset with, in digits.
            order: ``timestamp``, ``episode_id``, ``reward``, ``length``, ``stage``, or with ``agent`` its ``agent_return``; a
                ``-`` prefix sorts descending.
            offset: number of rows to skip.

        Raises:
            UsageError: the order is unknown, or limit or offset is negative.
        """
        if (limit or 0) < 0 or offset < 0:
            raise UsageError(f"limit and offset must be 0 or more, got {limit} and {offset}")
        with self._reading() as connection:
            conditions = _conditions(connection, stage, reason, min_reward, max_reward, run, lane, status, agent, seed)
            in_order = parse_order(order, _ORDERS)
            query = select(recordings).where(*conditions).limit(limit).offset(offset)
            if in_order.name.removeprefix("-") == "agent_return":
                query = query.join(recording_agents, _is_of_recording & (recording_agents.c.agent_id == _named(agent)))
            query = in_order.sort(query)
            return [dict(row) for row in connection.execute(query).mappings()]

    def count_recordings(
        self,
        stage: int | None = None,
        reason: str | None = None,
        min_reward: float | None = None,
        max_reward: float | None = None,
        *,
        run: str | None = None,
        lane: int | None = None,
        status: str | None = None,
        agent: str | None = None,
        seed: str | None = None,
    ) -> int:
        """Number of recordings that match all filters, which are those of ``query_recordings``."""
        with self._reading() as connection:
            conditions = _conditions(connection, stage, reason, min_reward, max_reward, run, lane, status, agent, seed)
            return int(connection.execute(select(func.count()).select_from(recordings).where(*conditions)).scalar_one())

    def list_reasons(self, run: str | None = None) -> list[str]:
        """All reasons of recordings, sorted."""
        query = select(recording_reasons.c.reason).distinct().order_by(recording_reasons.c.reason)
        if run is not None:
            query = query.where(recording_reasons.c.run_id == run)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def get_recording(self, run_id: str | None, episode_id: int) -> RecordingRow:
        """Get a recording; without ``run_id``, the newest one with that episode id.

        Raises:
            RecordingNotFoundError: no such recording.
        """
        query = select(recordings).where(recordings.c.episode_id == episode_id)
        if run_id is not None:
            query = query.where(recordings.c.run_id == run_id)
        query = query.order_by(recordings.c.timestamp.desc(), recordings.c.run_id.desc()).limit(1)
        with self._reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            place = "" if run_id is None else f" in run {run_id!r}"
            raise RecordingNotFoundError(f"there is no recording of episode {episode_id}{place}: {self.url}")
        return RecordingRow(**row)

    @write_transaction
    def upsert_recordings(self, rows: Sequence[RecordingRow]) -> None:
        """Add or replace recordings."""
        at = datetime.now(UTC)
        run_ids = sorted({row.run_id for row in rows})
        with self._writing() as connection:
            add_missing_runs(connection, run_ids, at=at, against="change")
            for run_id in run_ids:
                lock_episodes_of(connection, run_id, [row.episode_id for row in rows if row.run_id == run_id])
            write_recordings(connection, rows, at=at)

    @write_transaction
    def delete_recording(self, run_id: str, episode_id: int, *, as_of: RecordingRow | None = None) -> bool:
        """Remove a recording from the catalog, but not its file; its episode becomes ``deleted``.

        The episode keeps its reasons, but a search by reason no longer finds it.

        Args:
            as_of: only delete if the row is unchanged since it was read.

        Returns:
            Whether it was deleted.
        """
        with self._writing() as connection:
            # Lock the run, too, so that no episode is added between its lock and its update.
            if not lock_runs(connection, [run_id], against="change"):
                return False
            lock_episodes_of(connection, run_id, [episode_id])
            gone = delete(recordings).where(recordings.c.run_id == run_id, recordings.c.episode_id == episode_id)
            if as_of is not None:
                gone = gone.where(
                    recordings.c.file_path == as_of.file_path,
                    recordings.c.recorded_at.is_not_distinct_from(as_of.recorded_at),
                )
            if connection.execute(gone).rowcount == 0:
                return False
            delete_of_episodes(connection, recording_reasons, run_id, [episode_id])
            # If it stayed 'kept', the write job would look for its stream.
            connection.execute(
                update(episodes)
                .where(episodes.c.run_id == run_id, episodes.c.episode_id == episode_id)
                .values(decision="deleted", written_at=None)
            )
        return True

    def iterate_recordings(self, run_id: str | None = None, *, page_size: int = 1000) -> Iterator[RecordingRow]:
        """All recordings by run and episode, read in pages without a long transaction."""
        return self._iterate(_key, run_id, page_size)

    def iterate_oldest_recordings(self, run_id: str | None = None, *, page_size: int = 1000) -> Iterator[RecordingRow]:
        """All recordings by time, NaN last; read in pages, so the caller may delete them."""
        return self._iterate(_ORDERS["timestamp"], run_id, page_size)

    def unchanged_recordings(self, rows: Sequence[RecordingRow]) -> list[RecordingRow]:
        """Those of the rows that are in the catalog as they were read."""
        kept = []
        columns = (recordings.c.episode_id, recordings.c.file_path, recordings.c.recorded_at)
        with self._reading() as connection:
            for run_id in {row.run_id for row in rows}:
                of_run = [row for row in rows if row.run_id == run_id]
                for ids in in_batches(row.episode_id for row in of_run):
                    query = select(*columns).where(recordings.c.run_id == run_id, recordings.c.episode_id.in_(ids))
                    now = {episode_id: (path, at) for episode_id, path, at in connection.execute(query)}
                    kept += [row for row in of_run if now.get(row.episode_id) == (row.file_path, row.recorded_at)]
        return kept

    def recordings_size(self, run_id: str | None = None) -> tuple[int, int]:
        """Number of recordings and their total size on disk in bytes."""
        query = select(func.count(), func.coalesce(func.sum(recordings.c.compressed_size_bytes), 0))
        if run_id is not None:
            query = query.where(recordings.c.run_id == run_id)
        with self._reading() as connection:
            n_recordings, n_bytes = connection.execute(query).one()
        return int(n_recordings), int(n_bytes)

    def _iterate(
        self, order: Sequence[ColumnClause[Any]], run_id: str | None, page_size: int
    ) -> Iterator[RecordingRow]:
        last: ColumnElement[Any] | None = None
        while True:
            query = select(recordings).order_by(*order).limit(page_size)
            if run_id is not None:
                query = query.where(recordings.c.run_id == run_id)
            if last is not None:
                query = query.where(tuple_(*order) > last)
            with self._reading() as connection:
                page = [RecordingRow(**row) for row in connection.execute(query).mappings()]
            yield from page
            if len(page) < page_size:
                return
            last = tuple_(*(literal(getattr(page[-1], column.name), column.type) for column in order))


def _named(agent: str | None) -> str:
    if agent is None:
        raise UsageError("the order agent_return needs an agent")
    return agent


def _conditions(
    connection: Connection,
    stage: int | None,
    reason: str | None,
    min_reward: float | None,
    max_reward: float | None,
    run: str | None,
    lane: int | None,
    status: str | None,
    agent: str | None,
    seed: str | None,
) -> list[ColumnElement[bool]]:
    """SQL conditions of the filters."""
    pairs = (
        (recordings.c.run_id, run),
        (recordings.c.curriculum_stage, stage),
        (recordings.c.lane, lane),
        (recordings.c.status, status),
    )
    conditions: list[ColumnElement[bool]] = [column == value for column, value in pairs if value is not None]
    if min_reward is not None:
        conditions.append(recordings.c.total_reward >= min_reward)
    if max_reward is not None:
        conditions.append(recordings.c.total_reward <= max_reward)
    elif min_reward is not None:
        conditions.append(recordings.c.total_reward < nan)  # NaN sorts above all numbers
    if reason is not None:
        matches = matches_glob(recording_reasons.c.reason, reason, connection.dialect.name)
        keys = select(recording_reasons.c.run_id, recording_reasons.c.episode_id).where(matches)
        conditions.append(tuple_(*_key).in_(keys))
    if seed is not None:
        conditions.append(recordings.c.seed == seed)
    if agent is not None:
        of_agent = select(recording_agents.c.run_id, recording_agents.c.episode_id)
        conditions.append(tuple_(*_key).in_(of_agent.where(recording_agents.c.agent_id == agent)))
    return conditions


def write_recordings(connection: Connection, rows: Sequence[RecordingRow], *, at: datetime) -> None:
    """Upsert rows, reasons and agents; fill in ``recorded_at`` and ``recording_reason`` if missing.

    The transaction must hold the locks of the runs and episodes.
    """
    if not rows:
        return
    whole = [
        replace(
            row,
            recorded_at=row.recorded_at or at,
            recording_reason=row.recording_reason or next(iter(row.reasons), ""),
            reasons=row.reasons or ((row.recording_reason,) if row.recording_reason else ()),
        )
        for row in sorted(rows, key=attrgetter("run_id", "episode_id"))
    ]
    _upsert_recordings(connection, whole)
    replace_reasons(connection, [(row.run_id, row.episode_id, row.reasons) for row in whole])
    replace_agents(connection, whole)
