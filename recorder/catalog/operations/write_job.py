"""The write job: which kept episodes need a file, who is at work on them, what failed, which streams may go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select, text, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, write_transaction
from recorder.catalog.lists.episode_rows import fetch_episodes, select_episodes
from recorder.catalog.lists.keys import plays_of
from recorder.catalog.locks import in_batches, lock_episodes_of, lock_runs, update_episodes
from recorder.catalog.models import GIVEN_UP, UNWRITTEN, episodes, runs
from recorder.catalog.operations.recordings import write_recordings
from recorder.catalog.operations.runs import add_missing_runs
from recorder.catalog.rows import EpisodeRow, RecordingRow
from recorder.episode import EpisodeStatus

__all__ = ["LOST", "MAX_ATTEMPTS", "NO_ANSWER", "WriteJobOperations"]

MAX_ATTEMPTS = 3
"""How often a piece of work is tried before it is parked."""

NO_ANSWER = "no attempt gave an answer: its worker was killed, or ran out of time or memory"
LOST = (
    "its steps are gone: no server that a worker looks at knows its run any more (it was emptied, or lost its data), "
    "or its trainer recorded without a server and died"
)
"""Why an episode was given up that nobody has tried to write; catalogs hold it, and are searched for it."""

_pending = and_(text(UNWRITTEN), episodes.c.parked.is_(False))
# The same as ``EpisodeRow.is_settled``.
_settled = or_(episodes.c.decision.in_(("skipped", "deleted")), episodes.c.written_at.is_not(None))
_FRESH = {"parked": False, "attempts": 0, "not_before": None, "leased_until": None}
_RUNS_A_STATEMENT = 500
_by_time = (episodes.c.finished_unix_nanos, episodes.c.run_id, episodes.c.episode_id)


class WriteJobOperations(CatalogBase):
    """The state of the write job, which lies in the columns of ``episodes``."""

    @write_transaction
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

    @write_transaction
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
        episode_ids = list(episode_ids)
        with self._writing() as connection:
            lock_episodes_of(connection, run_id, episode_ids)
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

    @write_transaction
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
                connection.execute(update_episodes(connection, of_these).values(**values))

    @write_transaction
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

    @write_transaction
    def finish_writes(self, recordings: Sequence[RecordingRow], *, at: datetime) -> list[RecordingRow]:
        """Put the files into the catalog and mark their episodes written; doing it twice changes nothing.

        Left out is a file of an earlier play than the episode now has, and the salvaged beginning of a play that has gone on:
        it was replaced while it was being written.

        Returns:
            The recordings that were taken.
        """
        with self._writing() as connection:
            add_missing_runs(connection, {row.run_id for row in recordings}, at=at)
            plays = _locked_plays(connection, recordings)
            longer = _gone_on(connection, recordings)
            taken = [
                row
                for row in recordings
                if plays.get((row.run_id, row.episode_id)) in (None, row.play_id)
                and (row.run_id, row.episode_id) not in longer
            ]
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

    @write_transaction
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
                connection.execute(update_episodes(connection, of_these).values(stream_dropped_at=at))

    @write_transaction
    def see_runs(self, run_ids: Sequence[str], at: datetime) -> int:
        """Note that a server has these runs, and take back what was given up as lost of them.

        Returns:
            How many episodes were taken back.
        """
        if not run_ids:
            return 0
        n_taken_back = 0
        ordered = sorted(set(run_ids))
        batches = [ordered[start : start + _RUNS_A_STATEMENT] for start in range(0, len(ordered), _RUNS_A_STATEMENT)]
        with self._writing() as connection:
            for batch in batches:
                known = lock_runs(connection, batch, against="change")
                connection.execute(update(runs).where(runs.c.run_id.in_(known)).values(seen_at=at))
            for batch in batches:
                lost = and_(text(GIVEN_UP), episodes.c.error == LOST, episodes.c.run_id.in_(batch))
                n_taken_back += connection.execute(
                    update_episodes(connection, lost).values(**_FRESH, error=None)
                ).rowcount
        return n_taken_back

    @write_transaction
    def give_up_lost(self, *, unseen_since: datetime, now: datetime) -> dict[str, int]:
        """Give up the episodes that wait for a decision or a file, of runs that no worker has seen since.

        Returns:
            How many they are, by run; their ``error`` is ``LOST``.
        """
        unseen = select(runs.c.run_id).where(
            runs.c.last_activity_at < unseen_since, _is_past(runs.c.seen_at, unseen_since)
        )
        waiting = (
            and_(_pending, _is_past(episodes.c.leased_until, now)),
            and_(episodes.c.decision == "held", episodes.c.parked.is_(False)),
        )
        given_up: dict[str, int] = {}
        with self._writing() as connection:
            for kind in waiting:
                which = and_(kind, episodes.c.run_id.in_(unseen))
                counts = select(episodes.c.run_id, func.count()).where(which).group_by(episodes.c.run_id)
                for run_id, n_episodes in connection.execute(counts):
                    given_up[run_id] = given_up.get(run_id, 0) + n_episodes
            which = and_(or_(*waiting), episodes.c.run_id.in_(unseen))
            connection.execute(update_episodes(connection, which).values(parked=True, leased_until=None, error=LOST))
        return given_up

    def parked_writes(self) -> list[EpisodeRow]:
        """Episodes that were given up, oldest first: kept ones, and ``held`` ones that are lost; ``error`` says why."""
        with self._reading() as connection:
            given_up = fetch_episodes(connection, select_episodes().where(text(GIVEN_UP)))
        # Sorted here: asked to sort, SQLite would walk all episodes by time.
        return sorted(given_up, key=attrgetter("finished_unix_nanos", "run_id", "episode_id"))

    @write_transaction
    def retry_parked(self, run_id: str | None = None) -> int:
        """Let the parked episodes be tried again from the first attempt on; returns how many they are."""
        given_up = and_(text(GIVEN_UP))
        if run_id is not None:
            given_up = and_(given_up, episodes.c.run_id == run_id)
        with self._writing() as connection:
            return connection.execute(update_episodes(connection, given_up).values(**_FRESH)).rowcount


def _is_past(column: ColumnElement[datetime], now: datetime) -> ColumnElement[bool]:
    return or_(column.is_(None), column <= now)


def _park_exhausted(connection: Connection, which: ColumnElement[bool], max_attempts: int) -> None:
    exhausted = update_episodes(connection, which, episodes.c.attempts >= max_attempts)
    connection.execute(
        exhausted.values(parked=True, leased_until=None, error=func.coalesce(episodes.c.error, NO_ANSWER))
    )


def _locked_plays(connection: Connection, recordings: Sequence[RecordingRow]) -> dict[tuple[str, int], int | None]:
    """The play that the catalog has of each recording's episode; none of a recording that doesn't know its own."""
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
