"""Parked episodes: those whose steps are lost, and those whose attempts at writing are used up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import and_, func, literal, or_, select, text, tuple_, update

from recorder.catalog.base import CatalogBase, write_transaction
from recorder.catalog.lists.episode_rows import fetch_episodes, select_episodes
from recorder.catalog.locks import lock_runs, update_episodes
from recorder.catalog.models import GIVEN_UP, episodes, runs
from recorder.catalog.operations.write_job import is_past, pending
from recorder.catalog.rows import EpisodeRow

__all__ = ["LOST", "ParkedOperations"]

LOST = (
    "its steps are lost: Redis was emptied or lost its data, its workers use another Redis, or its trainer recorded without "
    "Redis and died"
)
"""Error of episodes whose steps are lost. Catalogs contain it, and queries compare it."""

_FRESH = {"parked": False, "attempts": 0, "not_before": None, "leased_until": None}
_RUNS_A_STATEMENT = 500


class ParkedOperations(CatalogBase):
    """Parks episodes, lists them, and takes them back."""

    @write_transaction
    def mark_runs_seen(self, run_ids: Sequence[str], at: datetime) -> int:
        """Mark runs as present in Redis, and un-park their episodes that were parked as lost.

        Returns:
            Number of un-parked episodes.
        """
        if not run_ids:
            return 0
        n_unparked = 0
        ordered = sorted(set(run_ids))
        batches = [ordered[start : start + _RUNS_A_STATEMENT] for start in range(0, len(ordered), _RUNS_A_STATEMENT)]
        with self._writing() as connection:
            for batch in batches:
                known = lock_runs(connection, batch, against="change")
                connection.execute(update(runs).where(runs.c.run_id.in_(known)).values(seen_at=at))
            for batch in batches:
                lost = and_(text(GIVEN_UP), episodes.c.error == LOST, episodes.c.run_id.in_(batch))
                n_unparked += connection.execute(
                    update_episodes(connection, lost).values(**_FRESH, error=None)
                ).rowcount
        return n_unparked

    @write_transaction
    def park_lost(self, *, unseen_since: datetime, now: datetime) -> dict[str, int]:
        """Park undecided and unwritten episodes of runs that no worker has seen since ``unseen_since``.

        Returns:
            Number of parked episodes by run; their ``error`` is ``LOST``.
        """
        unseen = select(runs.c.run_id).where(
            runs.c.last_activity_at < unseen_since, is_past(runs.c.seen_at, unseen_since)
        )
        waiting = (
            and_(pending, is_past(episodes.c.leased_until, now)),
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

    def iterate_parked(self, run_id: str | None = None, *, page_size: int = 1000) -> Iterator[EpisodeRow]:
        """Parked episodes by run and id, read in pages: kept ones that can't be written, and held ones that are lost;
        ``error`` has the reason.
        """
        key = (episodes.c.run_id, episodes.c.episode_id)
        query = select_episodes().where(text(GIVEN_UP)).order_by(*key).limit(page_size)
        if run_id is not None:
            query = query.where(episodes.c.run_id == run_id)
        page_query = query
        while True:
            with self._reading() as connection:
                page = fetch_episodes(connection, page_query)
            yield from page
            if len(page) < page_size:
                return
            page_query = query.where(tuple_(*key) > tuple_(literal(page[-1].run_id), literal(page[-1].episode_id)))

    def count_parked(self, *, decision: str | None = None) -> dict[str, int]:
        """Number of parked episodes by run; ``decision`` counts only episodes with this decision."""
        query = select(episodes.c.run_id, func.count()).where(text(GIVEN_UP)).group_by(episodes.c.run_id)
        if decision is not None:
            query = query.where(episodes.c.decision == decision)
        with self._reading() as connection:
            return {str(run_id): int(n_episodes) for run_id, n_episodes in connection.execute(query)}

    def most_common_parking_error(self) -> str | None:
        """The most frequent ``error`` of parked episodes; None if none is parked."""
        n_episodes = func.count().label("n_episodes")
        query = select(episodes.c.error, n_episodes).where(text(GIVEN_UP)).group_by(episodes.c.error)
        with self._reading() as connection:
            row = connection.execute(query.order_by(n_episodes.desc(), episodes.c.error).limit(1)).one_or_none()
        return None if row is None else row.error

    @write_transaction
    def retry_parked(self, run_id: str | None = None) -> int:
        """Un-park episodes and reset their attempts; returns how many."""
        given_up = and_(text(GIVEN_UP))
        if run_id is not None:
            given_up = and_(given_up, episodes.c.run_id == run_id)
        with self._writing() as connection:
            return connection.execute(update_episodes(connection, given_up).values(**_FRESH)).rowcount
