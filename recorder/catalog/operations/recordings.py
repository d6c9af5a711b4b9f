"""Operations on ``recordings``: the episode files, and the search over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from math import nan
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, bindparam, delete, func, literal, select, tuple_, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import BulkUpsert, CatalogBase, write_transaction
from recorder.catalog.lists.keys import delete_of_episodes, plays_of, replace_reasons
from recorder.catalog.lists.paging import parse_order
from recorder.catalog.lists.sql_glob import matches_glob
from recorder.catalog.locks import in_batches, lock_episodes_of, lock_runs
from recorder.catalog.models import episodes, recording_reasons, recordings
from recorder.catalog.operations.evaluation import write_episodes
from recorder.catalog.operations.runs import add_missing_runs
from recorder.catalog.rows import EpisodeRow, RecordingRow
from recorder.errors import RecordingNotFoundError, UsageError

__all__ = ["RecordingOperations", "import_rows", "write_recordings"]

_key = (recordings.c.run_id, recordings.c.episode_id)

_ORDERS = {
    "timestamp": (recordings.c.timestamp, *_key),
    "episode_id": (recordings.c.episode_id, recordings.c.run_id),
    "reward": (recordings.c.total_reward, *_key),
    "length": (recordings.c.survival_steps, *_key),
    "stage": (recordings.c.curriculum_stage, recordings.c.timestamp, *_key),
}

_ROWS_A_TRANSACTION = 500
"""How many files one transaction of ``import_recordings`` takes: few enough not to keep other writers waiting."""

_upsert_recordings = BulkUpsert(recordings)


class RecordingOperations(CatalogBase):
    """Recordings: the files, with what one searches them by."""

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
        order: str = "-timestamp",
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """The recordings that meet all the filters, newest first, as dictionaries by column name.

        Args:
            reason: one of the recording's reasons; ``*`` and ``?`` stand for any characters and any one character
                (``stage_*_pre_transition``).
            min_reward, max_reward: bounds, included; a recording whose return is NaN is within none.
            order: ``timestamp``, ``episode_id``, ``reward``, ``length`` or ``stage``; with ``-`` in front, greatest
                first.
            offset: how many to leave out at the start.

        Raises:
            UsageError: the order is unknown, or limit or offset is negative.
        """
        if (limit or 0) < 0 or offset < 0:
            raise UsageError(f"limit and offset must be 0 or more, got {limit} and {offset}")
        with self._reading() as connection:
            chosen = _chosen(connection, stage, reason, min_reward, max_reward, run, lane, status)
            query = parse_order(order, _ORDERS).sort(select(recordings).where(*chosen).limit(limit).offset(offset))
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
    ) -> int:
        """How many recordings meet all the filters; as ``query_recordings``."""
        with self._reading() as connection:
            chosen = _chosen(connection, stage, reason, min_reward, max_reward, run, lane, status)
            return int(connection.execute(select(func.count()).select_from(recordings).where(*chosen)).scalar_one())

    def list_reasons(self, run: str | None = None) -> list[str]:
        """The reasons for which recordings were kept, in alphabetical order."""
        query = select(recording_reasons.c.reason).distinct().order_by(recording_reasons.c.reason)
        if run is not None:
            query = query.where(recording_reasons.c.run_id == run)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def get_recording(self, run_id: str | None, episode_id: int) -> RecordingRow:
        """One recording; without ``run_id`` the newest one with that episode id.

        Raises:
            RecordingNotFoundError: the catalog has no such recording.
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
        """Add the recordings, or replace what the catalog has under the same run and episode."""
        at = datetime.now(UTC)
        run_ids = sorted({row.run_id for row in rows})
        with self._writing() as connection:
            add_missing_runs(connection, run_ids, at=at, against="change")
            for run_id in run_ids:
                lock_episodes_of(connection, run_id, [row.episode_id for row in rows if row.run_id == run_id])
            write_recordings(connection, rows, at=at)

    @write_transaction
    def delete_recording(self, run_id: str, episode_id: int, *, as_of: RecordingRow | None = None) -> bool:
        """Take a recording out of the catalog, not its file; its episode becomes ``deleted``. False: there was none.

        The episode keeps its reasons; a search by reason finds it no more.

        Args:
            as_of: delete it only while it is what was read: not one that was written again since, or another play's.
        """
        with self._writing() as connection:
            # With the run, so that nobody adds the episode between its lock and its update.
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
            # Were it still 'kept', the write job would look for its stream, which is gone.
            connection.execute(
                update(episodes)
                .where(episodes.c.run_id == run_id, episodes.c.episode_id == episode_id)
                .values(decision="deleted", written_at=None)
            )
        return True

    def iterate_recordings(self, run_id: str | None = None, *, page_size: int = 1000) -> Iterator[RecordingRow]:
        """All recordings by run and episode, read page by page, so that no transaction stays open between them."""
        return self._iterate(_key, run_id, page_size)

    def iterate_oldest_recordings(self, run_id: str | None = None, *, page_size: int = 1000) -> Iterator[RecordingRow]:
        """All recordings by time, those whose time is NaN last; page by page as well, so that they may be deleted on the way."""
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
        """How many recordings there are, and their bytes on disk."""
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

    def import_recordings(
        self,
        rows: Iterable[tuple[EpisodeRow, RecordingRow]],
        *,
        on_refused: Callable[[RecordingRow, str], object] | None = None,
    ) -> int:
        """Put episodes and their files into the catalog as the files tell them; returns how many.

        An episode that the catalog has already keeps its row, unless the file holds a later play.

        Args:
            on_refused: told of a file with a value that the database can't hold, and why; the others are imported. Left out, it
                is an error.
        """
        n_imported = 0
        source = iter(rows)
        while batch := list(islice(source, _ROWS_A_TRANSACTION)):
            n_imported += self._import_batch(batch, on_refused)
        return n_imported

    def _import_batch(
        self, batch: Sequence[tuple[EpisodeRow, RecordingRow]], on_refused: Callable[[RecordingRow, str], object] | None
    ) -> int:
        """A batch with a row that the database can't hold is cut in half until that row is alone."""
        try:
            self._import_whole(batch)
            return len(batch)
        except UsageError as error:
            if on_refused is None:
                raise
            if len(batch) == 1:
                on_refused(batch[0][1], str(error))
                return 0
        half = len(batch) // 2
        return self._import_batch(batch[:half], on_refused) + self._import_batch(batch[half:], on_refused)

    @write_transaction
    def _import_whole(self, batch: Sequence[tuple[EpisodeRow, RecordingRow]]) -> None:
        with self._writing() as connection:
            import_rows(connection, batch)


def _chosen(
    connection: Connection,
    stage: int | None,
    reason: str | None,
    min_reward: float | None,
    max_reward: float | None,
    run: str | None,
    lane: int | None,
    status: str | None,
) -> list[ColumnElement[bool]]:
    """The conditions that the filters come to."""
    pairs = (
        (recordings.c.run_id, run),
        (recordings.c.curriculum_stage, stage),
        (recordings.c.lane, lane),
        (recordings.c.status, status),
    )
    chosen: list[ColumnElement[bool]] = [column == value for column, value in pairs if value is not None]
    if min_reward is not None:
        chosen.append(recordings.c.total_reward >= min_reward)
    if max_reward is not None:
        chosen.append(recordings.c.total_reward <= max_reward)
    elif min_reward is not None:
        chosen.append(recordings.c.total_reward < nan)  # NaN sorts above all numbers
    if reason is not None:
        matches = matches_glob(recording_reasons.c.reason, reason, connection.dialect.name)
        keys = select(recording_reasons.c.run_id, recording_reasons.c.episode_id).where(matches)
        chosen.append(tuple_(*_key).in_(keys))
    return chosen


def write_recordings(connection: Connection, rows: Sequence[RecordingRow], *, at: datetime) -> None:
    """Upsert the rows and their reasons; fill in ``recorded_at`` and ``recording_reason`` where they are missing.

    The transaction has added and locked the runs, and locked the episodes.
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


def import_rows(connection: Connection, batch: Sequence[tuple[EpisodeRow, RecordingRow]]) -> None:
    """Put episodes and their files into the catalog; as ``import_recordings``, within a transaction."""
    at = datetime.now(UTC)
    run_ids = sorted({episode.run_id for episode, _ in batch})
    add_missing_runs(connection, run_ids, at=at, against="change")
    for run_id in run_ids:
        lock_episodes_of(connection, run_id, [episode.episode_id for episode, _ in batch if episode.run_id == run_id])
    for run_id in run_ids:
        of_run = [(episode, recording) for episode, recording in batch if episode.run_id == run_id]
        plays = plays_of(connection, run_id, (episode.episode_id for episode, _ in of_run))
        fresh: list[EpisodeRow] = []
        known: list[dict[str, Any]] = []
        current: list[RecordingRow] = []
        for episode, recording in of_run:
            play_id = plays.get(episode.episode_id)
            if play_id is None or episode.play_id > play_id:
                fresh.append(replace(episode, decision="kept", written_at=episode.written_at or at))
            elif episode.play_id in (0, play_id):  # 0: an old file, which doesn't know its play
                known.append({"of_episode": episode.episode_id, "new_reasons": recording.reasons or episode.reasons})
            else:
                continue
            current.append(recording)
        write_episodes(connection, run_id, fresh)
        if known:
            connection.execute(
                update(episodes)
                .where(episodes.c.run_id == run_id, episodes.c.episode_id == bindparam("of_episode"))
                .values(
                    decision="kept",
                    reasons=bindparam("new_reasons"),
                    written_at=func.coalesce(episodes.c.written_at, at),
                    parked=False,
                    error=None,
                ),
                known,
            )
        write_recordings(connection, current, at=at)
