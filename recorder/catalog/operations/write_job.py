"""The write job: leases, attempts and failures of kept episodes, and streams that can be dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, text, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, write_transaction
from recorder.catalog.lists.keys import plays_of
from recorder.catalog.locks import in_batches, lock_episodes_of, update_episodes
from recorder.catalog.models import UNWRITTEN, episodes, recordings
from recorder.catalog.operations.recordings import write_recordings
from recorder.catalog.operations.runs import add_missing_runs
from recorder.catalog.rows import RecordingRow
from recorder.catalog.write_rows import ClaimedEpisode, EpisodeToWrite
from recorder.episode import EpisodeStatus
from recorder.storage import split_packed

__all__ = ["MAX_ATTEMPTS", "NO_ANSWER", "WriteJobOperations", "is_past", "pending"]

MAX_ATTEMPTS = 3
"""Attempts before parking."""

NO_ANSWER = "every attempt ended without a result: the worker was killed, or ran out of time or memory"

pending = and_(text(UNWRITTEN), episodes.c.parked.is_(False))
"""Condition that an episode is kept, not written yet, and not parked."""
# The same as ``EpisodeRow.is_done``.
_done = or_(episodes.c.decision.in_(("skipped", "deleted")), episodes.c.written_at.is_not(None))
_of_claim = tuple(episodes.c[name] for name in ClaimedEpisode._fields)
_of_write = tuple(episodes.c[name] for name in EpisodeToWrite._fields)
_by_time = (episodes.c.finished_unix_nanos, episodes.c.run_id, episodes.c.episode_id)


class WriteJobOperations(CatalogBase):
    """State of the write job, in columns of ``episodes``."""

    @write_transaction
    def claim_writes(
        self,
        *,
        now: datetime,
        lease_secs: float,
        limit: int,
        run_id: str | None = None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> list[ClaimedEpisode]:
        """Lease kept episodes without a file that no worker writes, oldest first.

        Episodes whose attempts are used up are parked.
        """
        free = and_(pending, is_past(episodes.c.leased_until, now))
        if run_id is not None:
            free = and_(free, episodes.c.run_id == run_id)
        query = select(*_of_claim).where(free, is_past(episodes.c.not_before, now)).order_by(*_by_time).limit(limit)
        with self._writing() as connection:
            _park_exhausted(connection, free, max_attempts)
            if connection.dialect.name == "postgresql":
                query = query.with_for_update(of=episodes, skip_locked=True)
            claimed = [ClaimedEpisode(*row) for row in connection.execute(query)]
            _update_all(connection, claimed, leased_until=now + timedelta(seconds=lease_secs))
        return claimed

    @write_transaction
    def start_write(
        self,
        run_id: str,
        episode_ids: Iterable[int],
        *,
        now: datetime,
        lease_secs: float,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> list[EpisodeToWrite]:
        """Count an attempt on these episodes, as far as they have no file, and lease them.

        Returns:
            Rows to write, oldest first. Episodes whose attempts are used up are parked with their last error instead.
        """
        started: list[EpisodeToWrite] = []
        episode_ids = list(episode_ids)
        with self._writing() as connection:
            lock_episodes_of(connection, run_id, episode_ids)
            for ids in in_batches(episode_ids):
                open_ones = and_(pending, episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids))
                query = select(*_of_write).where(open_ones).order_by(*_by_time)
                rows = [EpisodeToWrite(*row) for row in connection.execute(query)]
                if any(row.attempts >= max_attempts for row in rows):
                    _park_exhausted(connection, open_ones, max_attempts)
                    rows = [row for row in rows if row.attempts < max_attempts]
                leased_until = now + timedelta(seconds=lease_secs)
                _update_all(connection, rows, attempts=episodes.c.attempts + 1, leased_until=leased_until)
                started += [row._replace(attempts=row.attempts + 1) for row in rows]
        return started

    @write_transaction
    def postpone_write(
        self, run_id: str, episode_ids: Iterable[int], *, not_before: datetime, error: str, count_attempt: bool
    ) -> None:
        """Release the episodes until ``not_before``.

        Args:
            error: the reason.
            count_attempt: False if the cause is outside the episode, such as a full disk; the attempt is then not
                counted.
        """
        values = {"not_before": not_before, "error": error, "leased_until": None}
        if not count_attempt:
            values["attempts"] = case((episodes.c.attempts > 0, episodes.c.attempts - 1), else_=0)
        with self._writing() as connection:
            for ids in in_batches(episode_ids):
                of_these = and_(pending, episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids))
                connection.execute(update_episodes(connection, of_these).values(**values))

    @write_transaction
    def fail_write(
        self, run_id: str, episode_id: int, error: str, *, not_before: datetime, max_attempts: int = MAX_ATTEMPTS
    ) -> None:
        """Record a failed attempt: retry from ``not_before`` on, or park after the last attempt."""
        with self._writing() as connection:
            connection.execute(
                update(episodes)
                .where(pending, episodes.c.run_id == run_id, episodes.c.episode_id == episode_id)
                .values(
                    error=error, not_before=not_before, leased_until=None, parked=episodes.c.attempts >= max_attempts
                )
            )

    @write_transaction
    def finish_writes(self, recordings: Sequence[RecordingRow], *, at: datetime) -> list[RecordingRow]:
        """Add the recordings and mark their episodes as written. Repeated calls change nothing.

        Files of a play that was replaced meanwhile are left out, and parts of packs that another worker has written as
        files.

        Returns:
            The recordings that were added.
        """
        with self._writing() as connection:
            add_missing_runs(connection, {row.run_id for row in recordings}, at=at)
            plays = _locked_plays(connection, recordings)
            left_out = _gone_on(connection, recordings) | _written_alone(connection, recordings)
            taken = [
                row
                for row in recordings
                if plays.get((row.run_id, row.episode_id)) in (None, row.play_id)
                and (row.run_id, row.episode_id) not in left_out
            ]
            write_recordings(connection, taken, at=at)
            written_at = func.coalesce(episodes.c.written_at, at)
            _update_all(
                connection, taken, written_at=written_at, leased_until=None, not_before=None, parked=False, error=None
            )
        return taken

    def streams_to_drop(self, run_id: str | None = None, limit: int = 1000) -> list[EpisodeToWrite]:
        """Episodes whose stream can be dropped: skipped, written or deleted."""
        query = select(*_of_write).where(episodes.c.stream_dropped_at.is_(None), _done)
        if run_id is not None:
            query = query.where(episodes.c.run_id == run_id)
        with self._reading() as connection:
            query = query.order_by(episodes.c.run_id, episodes.c.episode_id).limit(limit)
            return [EpisodeToWrite(*row) for row in connection.execute(query)]

    @write_transaction
    def mark_streams_dropped(
        self, run_id: str, episode_ids: Iterable[int], at: datetime, *, first_plays_only: bool = False
    ) -> None:
        """Mark the streams of these episodes as dropped, if the episodes need none.

        Args:
            first_plays_only: leave out episodes that replaced an earlier play.
        """
        with self._writing() as connection:
            for ids in in_batches(episode_ids):
                of_these = and_(episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids), _done)
                if first_plays_only:
                    of_these = and_(of_these, episodes.c.replaced_plays == 0)
                connection.execute(update_episodes(connection, of_these).values(stream_dropped_at=at))


def is_past(column: ColumnElement[datetime], now: datetime) -> ColumnElement[bool]:
    """Condition that a time is over, or was never set."""
    return or_(column.is_(None), column <= now)


def _update_all(
    connection: Connection, rows: Sequence[ClaimedEpisode | EpisodeToWrite | RecordingRow], **values: Any
) -> None:
    """Give the same values to the episodes of all rows: one statement for many takes a fraction of the time of many."""
    for run_id in sorted({row.run_id for row in rows}):
        for ids in in_batches(row.episode_id for row in rows if row.run_id == run_id):
            of_these = and_(episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids))
            connection.execute(update_episodes(connection, of_these).values(**values))


def _park_exhausted(connection: Connection, which: ColumnElement[bool], max_attempts: int) -> None:
    exhausted = update_episodes(connection, which, episodes.c.attempts >= max_attempts)
    connection.execute(
        exhausted.values(parked=True, leased_until=None, error=func.coalesce(episodes.c.error, NO_ANSWER))
    )


def _locked_plays(connection: Connection, recordings: Sequence[RecordingRow]) -> dict[tuple[str, int], int | None]:
    """Lock the episodes, and return the catalog's play of each recording that has a play id."""
    plays: dict[tuple[str, int], int | None] = {}
    for run_id in sorted({row.run_id for row in recordings}):
        ids = [row.episode_id for row in recordings if row.run_id == run_id and row.play_id is not None]
        found = plays_of(connection, run_id, ids, lock=True)
        plays.update({(run_id, episode_id): play_id for episode_id, play_id in found.items()})
    return plays


def _gone_on(connection: Connection, recordings: Sequence[RecordingRow]) -> set[tuple[str, int]]:
    """Those of the salvaged recordings whose play the catalog has longer, or with its end."""
    found: set[tuple[str, int]] = set()
    for row in recordings:
        if row.status == EpisodeStatus.SALVAGED:
            of_this = and_(
                episodes.c.run_id == row.run_id,
                episodes.c.episode_id == row.episode_id,
                episodes.c.play_id == row.play_id,
                or_(episodes.c.status != EpisodeStatus.SALVAGED, episodes.c.n_steps > row.n_steps),
            )
            if connection.execute(select(episodes.c.episode_id).where(of_this)).first():
                found.add((row.run_id, row.episode_id))
    return found


def _written_alone(connection: Connection, rows: Sequence[RecordingRow]) -> set[tuple[str, int]]:
    """Those of the recordings in packs whose play is in the catalog with another file: a slow worker wrote them again."""
    packed = {(row.run_id, row.episode_id): row for row in rows if split_packed(row.file_path) is not None}
    found: set[tuple[str, int]] = set()
    for run_id in {run_id for run_id, _ in packed}:
        for ids in in_batches(episode_id for of_run, episode_id in packed if of_run == run_id):
            columns = (recordings.c.episode_id, recordings.c.play_id, recordings.c.file_path)
            query = select(*columns).where(recordings.c.run_id == run_id, recordings.c.episode_id.in_(ids))
            for episode_id, play_id, file_path in connection.execute(query):
                row = packed[run_id, episode_id]
                if play_id == row.play_id and file_path != row.file_path:
                    found.add((run_id, episode_id))
    return found
