"""The write job: which kept episodes need a file, who is at work on them, what failed, which streams may go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, text, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase
from recorder.catalog.episode_rows import fetch_episodes, select_episodes
from recorder.catalog.keys import in_batches, plays_of
from recorder.catalog.models import UNWRITTEN, episodes
from recorder.catalog.recordings import write_recordings
from recorder.catalog.rows import EpisodeRow, RecordingRow

__all__ = ["MAX_ATTEMPTS", "NO_ANSWER", "WriteJobOperations"]

MAX_ATTEMPTS = 3
"""How often a piece of work is tried before it is parked."""

NO_ANSWER = "no attempt gave an answer: its worker was killed, or ran out of time or memory"
_pending = and_(text(UNWRITTEN), episodes.c.parked.is_(False))
# The same as ``EpisodeRow.is_settled``.
_settled = or_(episodes.c.decision.in_(("skipped", "deleted")), episodes.c.written_at.is_not(None))
_by_time = (episodes.c.finished_unix_nanos, episodes.c.run_id, episodes.c.episode_id)


class WriteJobOperations(CatalogBase):
    """The state of the write job, which lies in the columns of ``episodes``."""

    def claim_writes(
        self,
        *,
        now: datetime,
        lease_secs: float,
        limit: int,
        run_id: str | None = None,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> list[EpisodeRow]:
        """Lease kept episodes that need a file and that nobody works on, oldest first.

        Episodes whose attempts are used up without an answer are parked on the way.
        """
        leased_until = now + timedelta(seconds=lease_secs)
        free = and_(_pending, _is_past(episodes.c.leased_until, now))
        if run_id is not None:
            free = and_(free, episodes.c.run_id == run_id)
        query = select_episodes().where(free, _is_past(episodes.c.not_before, now)).order_by(*_by_time).limit(limit)
        with self._writing() as connection:
            _park_exhausted(connection, free, max_attempts)
            if connection.dialect.name == "postgresql":
                query = query.with_for_update(of=episodes, skip_locked=True)
            claimed = fetch_episodes(connection, query)
            if claimed:
                lease = update(episodes).where(
                    episodes.c.run_id == bindparam("of_run"), episodes.c.episode_id == bindparam("of_episode")
                )
                connection.execute(
                    lease.values(leased_until=leased_until),
                    [{"of_run": row.run_id, "of_episode": row.episode_id} for row in claimed],
                )
        for row in claimed:
            row.leased_until = leased_until
        return claimed

    def start_write(
        self,
        run_id: str,
        episode_ids: Iterable[int],
        *,
        now: datetime,
        lease_secs: float,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> list[EpisodeRow]:
        """Count an attempt on those of the episodes that still need a file, and lease them.

        Returns:
            The rows to write, oldest first. Those whose attempts are used up are parked with their last error, and not
            returned.
        """
        started: list[EpisodeRow] = []
        with self._writing() as connection:
            for ids in in_batches(episode_ids):
                open_ones = and_(_pending, episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids))
                _park_exhausted(connection, open_ones, max_attempts)
                connection.execute(
                    update(episodes)
                    .where(open_ones)
                    .values(attempts=episodes.c.attempts + 1, leased_until=now + timedelta(seconds=lease_secs))
                )
                started += fetch_episodes(connection, select_episodes().where(open_ones).order_by(*_by_time))
        return started

    def postpone_write(
        self, run_id: str, episode_ids: Iterable[int], *, not_before: datetime, error: str, count_attempt: bool
    ) -> None:
        """Give the episodes back until ``not_before``.

        Args:
            error: why.
            count_attempt: False when the episode is not to blame (the disk is full, the server away): the attempt is
                taken back.
        """
        values = {"not_before": not_before, "error": error, "leased_until": None}
        if not count_attempt:
            values["attempts"] = case((episodes.c.attempts > 0, episodes.c.attempts - 1), else_=0)
        with self._writing() as connection:
            for ids in in_batches(episode_ids):
                of_these = and_(_pending, episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids))
                connection.execute(update(episodes).where(of_these).values(**values))

    def fail_write(
        self, run_id: str, episode_id: int, error: str, *, not_before: datetime, max_attempts: int = MAX_ATTEMPTS
    ) -> None:
        """Note that an attempt failed: try again from ``not_before`` on, or park it when it was the last."""
        with self._writing() as connection:
            connection.execute(
                update(episodes)
                .where(_pending, episodes.c.run_id == run_id, episodes.c.episode_id == episode_id)
                .values(
                    error=error, not_before=not_before, leased_until=None, parked=episodes.c.attempts >= max_attempts
                )
            )

    def finish_writes(self, recordings: Sequence[RecordingRow], *, at: datetime) -> list[RecordingRow]:
        """Put the files into the catalog and mark their episodes written; doing it twice changes nothing.

        A file of an earlier play than the episode now has is left out: it was replaced while it was being written.

        Returns:
            The recordings that were taken.
        """
        with self._writing() as connection:
            plays = _locked_plays(connection, recordings)
            taken = [row for row in recordings if plays.get((row.run_id, row.episode_id)) in (None, row.play_id)]
            write_recordings(connection, taken, at=at)
            if taken:
                done = update(episodes).where(
                    episodes.c.run_id == bindparam("of_run"), episodes.c.episode_id == bindparam("of_episode")
                )
                connection.execute(
                    done.values(
                        written_at=func.coalesce(episodes.c.written_at, at),
                        leased_until=None,
                        not_before=None,
                        parked=False,
                        error=None,
                    ),
                    [{"of_run": row.run_id, "of_episode": row.episode_id} for row in taken],
                )
        return taken

    def streams_to_drop(self, run_id: str | None = None, limit: int = 1000) -> list[EpisodeRow]:
        """Episodes whose stream nobody needs any more: skipped, written, or deleted since."""
        query = select_episodes().where(episodes.c.stream_dropped_at.is_(None), _settled)
        if run_id is not None:
            query = query.where(episodes.c.run_id == run_id)
        with self._reading() as connection:
            return fetch_episodes(connection, query.order_by(episodes.c.run_id, episodes.c.episode_id).limit(limit))

    def mark_streams_dropped(
        self, run_id: str, episode_ids: Iterable[int], at: datetime, *, first_plays_only: bool = False
    ) -> None:
        """Note that the streams of the settled ones of these episodes are gone; a later play has one of its own.

        Args:
            first_plays_only: leave out those that replaced an earlier play.
        """
        with self._writing() as connection:
            for ids in in_batches(episode_ids):
                of_these = and_(episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids), _settled)
                if first_plays_only:
                    of_these = and_(of_these, episodes.c.replaced_plays == 0)
                connection.execute(update(episodes).where(of_these).values(stream_dropped_at=at))

    def parked_writes(self) -> list[EpisodeRow]:
        """Kept episodes that were given up, oldest first; ``error`` says why."""
        query = select_episodes().where(text(UNWRITTEN), episodes.c.parked.is_(True)).order_by(*_by_time)
        with self._reading() as connection:
            return fetch_episodes(connection, query)

    def retry_parked(self, run_id: str | None = None) -> int:
        """Let the parked episodes be tried again from the first attempt on; returns how many they are."""
        parked = and_(text(UNWRITTEN), episodes.c.parked.is_(True))
        if run_id is not None:
            parked = and_(parked, episodes.c.run_id == run_id)
        with self._writing() as connection:
            fresh = {"parked": False, "attempts": 0, "not_before": None, "leased_until": None}
            return connection.execute(update(episodes).where(parked).values(**fresh)).rowcount


def _is_past(column: ColumnElement[datetime], now: datetime) -> ColumnElement[bool]:
    return or_(column.is_(None), column <= now)


def _park_exhausted(connection: Connection, which: ColumnElement[bool], max_attempts: int) -> None:
    connection.execute(
        update(episodes)
        .where(which, episodes.c.attempts >= max_attempts)
        .values(parked=True, leased_until=None, error=func.coalesce(episodes.c.error, NO_ANSWER))
    )


def _locked_plays(connection: Connection, recordings: Sequence[RecordingRow]) -> dict[tuple[str, int], int | None]:
    """The play that the catalog has of each recording's episode; none of a recording that doesn't know its own."""
    plays: dict[tuple[str, int], int | None] = {}
    for run_id in sorted({row.run_id for row in recordings}):
        ids = [row.episode_id for row in recordings if row.run_id == run_id and row.play_id is not None]
        found = plays_of(connection, run_id, ids, lock=True)
        plays.update({(run_id, episode_id): play_id for episode_id, play_id in found.items()})
    return plays
