"""Operations on ``runs``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, delete, func, null, select, type_coerce, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.locks import RunLock, lock_episodes_of, lock_runs
from recorder.catalog.models import episodes, recording_reasons, recordings, runs
from recorder.catalog.rows import START_CURSOR, RunRow, RunState, RunSummary
from recorder.errors import RecordingNotFoundError
from recorder.runtime.python_versions import UTC

__all__ = ["RunOperations", "add_missing_run", "add_missing_runs"]


class RunOperations(CatalogBase):
    """Runs: configuration, progress of the evaluation, totals."""

    @write_transaction
    def ensure_run(
        self,
        run_id: str,
        *,
        config: Mapping[str, Any] | None = None,
        host: str | None = None,
        started_unix_nanos: int | None = None,
    ) -> None:
        """Add the run if it is missing, and update what is given."""
        given = {"config": config, "host": host, "started_unix_nanos": started_unix_nanos}
        given = {name: value for name, value in given.items() if value is not None}
        with self._writing() as connection:
            add_missing_run(connection, run_id, at=datetime.now(UTC), against="change")
            if given:
                connection.execute(update(runs).where(runs.c.run_id == run_id).values(**given))

    def list_runs(self, *, limit: int | None = None) -> list[RunRow]:
        """Runs by latest activity, most recent first; without their ``config``, which may be large: ``get_run`` has it."""
        query = _runs_with_counts(has_config=False).order_by(runs.c.last_activity_at.desc(), runs.c.run_id).limit(limit)
        with self._reading() as connection:
            return [RunRow(**row) for row in connection.execute(query).mappings()]

    def count_runs(self) -> int:
        """Number of runs."""
        with self._reading() as connection:
            return connection.execute(select(func.count()).select_from(runs)).scalar_one()

    def ended_runs(self, *, limit: int) -> list[tuple[str, int, int]]:
        """Id, number of episodes and highest episode id of the runs that have ended, those with the latest activity first."""
        last = select(func.max(episodes.c.episode_id)).where(episodes.c.run_id == runs.c.run_id).scalar_subquery()
        query = (
            select(runs.c.run_id, runs.c.n_episodes, last)
            .where(runs.c.ended_at.is_not(None), runs.c.n_episodes > 0)
            .order_by(runs.c.last_activity_at.desc(), runs.c.run_id)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                (run_id, n_episodes, -1 if last is None else last)
                for run_id, n_episodes, last in connection.execute(query)
            ]

    def get_run(self, run_id: str) -> RunRow:
        """Get a run.

        Raises:
            RecordingNotFoundError: no such run.
        """
        with self._reading() as connection:
            row = connection.execute(_runs_with_counts().where(runs.c.run_id == run_id)).mappings().one_or_none()
        if row is None:
            raise RecordingNotFoundError(f"there is no run {run_id!r} in the catalog: {self.url}")
        return RunRow(**row)

    def load_run_state(self, run_id: str) -> RunState:
        """State of the run's evaluation; the initial state for an unknown run."""
        state = type_coerce(runs.c.criteria_state, Text).label("criteria_state_json")
        columns = (runs.c.cursor, state, runs.c.ended_at, runs.c.n_refused, runs.c.n_late_keeps)
        with self._reading() as connection:
            row = connection.execute(select(*columns).where(runs.c.run_id == run_id)).mappings().one_or_none()
        return RunState() if row is None else RunState(**row)

    def summarise_run(self, run_id: str) -> RunSummary:
        """Totals of a run; zeros if it has no episodes."""
        of_run = episodes.c.run_id == run_id
        totals = [
            func.coalesce(func.sum(c), 0) for c in (episodes.c.n_steps, episodes.c.n_missing_steps, episodes.c.n_bytes)
        ]
        groups = (
            select(episodes.c.decision, episodes.c.status, func.count(), *totals)
            .where(of_run)
            .group_by(episodes.c.decision, episodes.c.status)
        )
        by_decision: dict[str, int] = {}
        by_status: dict[str, int] = {}
        sums = [0, 0, 0, 0]
        with self._reading() as connection:
            for decision, status, *numbers in connection.execute(groups):
                by_decision[decision] = by_decision.get(decision, 0) + numbers[0]
                by_status[status] = by_status.get(status, 0) + numbers[0]
                sums = [total + int(number) for total, number in zip(sums, numbers, strict=True)]
            by_reason = _count_reasons(connection, run_id)
        return RunSummary(run_id, sums[0], by_decision, by_status, by_reason, *sums[1:])

    def count_reasons(self, run_id: str) -> dict[str, int]:
        """Number of the run's recordings by reason."""
        with self._reading() as connection:
            return _count_reasons(connection, run_id)

    @write_transaction
    def delete_run(self, run_id: str) -> bool:
        """Delete the run with all its rows; files stay. Returns whether it existed."""
        with self._writing() as connection:
            if not lock_runs(connection, [run_id], against="all"):
                return False
            lock_episodes_of(connection, run_id)
            return connection.execute(delete(runs).where(runs.c.run_id == run_id)).rowcount > 0


def _count_reasons(connection: Connection, run_id: str) -> dict[str, int]:
    reasons = (
        select(recording_reasons.c.reason, func.count().label("n_episodes"))
        .where(recording_reasons.c.run_id == run_id)
        .group_by(recording_reasons.c.reason)
        .order_by(recording_reasons.c.reason)
    )
    return {row.reason: row.n_episodes for row in connection.execute(reasons)}


def add_missing_run(connection: Connection, run_id: str, *, at: datetime, against: RunLock = "deletion") -> None:
    """Add a run if it is missing, and lock it."""
    add_missing_runs(connection, [run_id], at=at, against=against)


def add_missing_runs(
    connection: Connection, run_ids: Iterable[str], *, at: datetime, against: RunLock = "deletion"
) -> None:
    """Add the missing runs, and lock all.

    Args:
        against: ``deletion`` to add rows of the run, ``change`` to change the run, too.
    """
    fresh = {
        "cursor": START_CURSOR,
        "criteria_state": {},
        "created_at": at,
        "last_activity_at": at,
        "n_refused": 0,
        "n_late_keeps": 0,
        "n_episodes": 0,
    }
    insert = insert_or(connection.dialect, runs, update={})
    for run_id in sorted(set(run_ids)):
        # One by one: inserted together, new runs would be locked before existing ones. Repeat if the run was deleted
        # between the two statements.
        is_locked = False
        while not is_locked:
            connection.execute(insert, {"run_id": run_id, **fresh})
            is_locked = bool(lock_runs(connection, [run_id], against=against))


def _runs_with_counts(*, has_config: bool = True) -> Select[Any]:
    shown: list[Any] = [column for column in runs.columns if column.name not in ("criteria_state", "seen_at", "config")]
    shown.append(runs.c.config if has_config else null().label("config"))
    n_recordings = select(func.count()).select_from(recordings).where(recordings.c.run_id == runs.c.run_id)
    return select(*shown, n_recordings.scalar_subquery().label("n_recordings"))
