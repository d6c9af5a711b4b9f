"""Commits an evaluation: cursor, criteria state and decisions in one transaction, which one worker wins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, case, literal_column, select, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import BulkUpsert, CatalogBase, write_transaction
from recorder.catalog.lists.keys import delete_of_episodes, plays_of, replace_reasons
from recorder.catalog.locks import in_batches, lock_episodes_of
from recorder.catalog.models import episodes, recording_reasons, recordings, runs
from recorder.catalog.operations.runs import add_missing_run
from recorder.catalog.rows import START_CURSOR, Decision, EpisodeRow

__all__ = ["EvaluationOperations", "write_episodes"]

# A new row counts plays that were replaced before they reached the catalog.
_upsert_episodes = BulkUpsert(
    episodes, update={"replaced_plays": episodes.c.replaced_plays + literal_column("1 + excluded.replaced_plays")}
)


class EvaluationOperations(CatalogBase):
    """Writes of an evaluation."""

    @write_transaction
    def commit_evaluation(
        self,
        run_id: str,
        *,
        old_cursor: str,
        new_cursor: str,
        criteria_state: Mapping[str, Any],
        new_episodes: Sequence[EpisodeRow],
        decided: Sequence[Decision],
        continued: Collection[int] = (),
        n_refused: int = 0,
        n_late_keeps: int = 0,
        ended: bool | None = None,
        at: datetime,
    ) -> bool:
        """Move the run from ``old_cursor`` to ``new_cursor`` with all decisions, or change nothing.

        Args:
            new_episodes: episodes seen for the first time, or played again: then the row is replaced,
                ``replaced_plays`` counts on, and the recording of the earlier play is taken out of the catalog.
            decided: decisions about episodes that earlier commits left ``held``; of episodes that are not held they
                change nothing.
            continued: those of ``new_episodes`` that go on with the play that is there: its recording stays until the whole is
                written, unless they are skipped.
            n_refused, n_late_keeps: added to the run's counters.
            ended: True sets ``ended_at`` to ``at``, False clears it, None keeps it.
            at: time of the commit.

        Returns:
            False if another worker has moved the cursor meanwhile.
        """
        changes: dict[str, Any] = {
            "cursor": new_cursor,
            "criteria_state": dict(criteria_state),
            "last_activity_at": at,
            "n_refused": runs.c.n_refused + n_refused,
            "n_late_keeps": runs.c.n_late_keeps + n_late_keeps,
        }
        if ended is not None:
            changes["ended_at"] = at if ended else None
        with self._writing() as connection:
            add_missing_run(connection, run_id, at=at, against="change")
            moved = connection.execute(
                update(runs).where(runs.c.run_id == run_id, runs.c.cursor == old_cursor).values(**changes)
            )
            if moved.rowcount != 1:
                connection.rollback()
                return False
            lock_episodes_of(
                connection, run_id, [*(row.episode_id for row in new_episodes), *(row.episode_id for row in decided)]
            )
            write_episodes(connection, run_id, new_episodes, continued=continued)
            _apply_decisions(connection, run_id, decided)
        return True

    @write_transaction
    def rewind(self, run_id: str, *, old_cursor: str) -> bool:
        """Reset the run's cursor from ``old_cursor`` to the start, to evaluate entries before it.

        Returns:
            False if another worker has moved the cursor meanwhile.
        """
        with self._writing() as connection:
            moved = connection.execute(
                update(runs).where(runs.c.run_id == run_id, runs.c.cursor == old_cursor).values(cursor=START_CURSOR)
            )
            return moved.rowcount == 1

    def existing_plays(self, run_id: str, episode_ids: Iterable[int]) -> dict[int, int]:
        """The ``play_id`` of each of these episodes in the catalog."""
        with self._reading() as connection:
            return plays_of(connection, run_id, episode_ids)


def write_episodes(
    connection: Connection, run_id: str, rows: Sequence[EpisodeRow], *, continued: Collection[int] = ()
) -> None:
    """Insert the rows; those that replace an earlier play take its recording and its reasons with them.

    The transaction has locked the run.

    Args:
        continued: as for ``commit_evaluation``.
    """
    if not rows:
        return
    replaced = plays_of(connection, run_id, (row.episode_id for row in rows), lock=True)
    if replaced:
        spared = {row.episode_id for row in rows if row.episode_id in continued and row.decision != "skipped"}
        delete_of_episodes(connection, recordings, run_id, replaced.keys() - spared)
        delete_of_episodes(connection, recording_reasons, run_id, replaced)
    _upsert_episodes(connection, sorted(rows, key=attrgetter("episode_id")))
    n_new = len({row.episode_id for row in rows}) - len(replaced)
    connection.execute(update(runs).where(runs.c.run_id == run_id).values(n_episodes=runs.c.n_episodes + n_new))
    replace_reasons(connection, [(run_id, row.episode_id, row.reasons) for row in rows if row.reasons], fresh=True)


_update_decision = (
    update(episodes)
    .where(episodes.c.run_id == bindparam("of_run"), episodes.c.episode_id == bindparam("of_episode"))
    .values(
        decision=bindparam("new_decision"),
        reasons=bindparam("new_reasons"),
        why_json=bindparam("new_why"),
        parked=False,  # a parked episode is decided after all
        error=case((episodes.c.parked, None), else_=episodes.c.error),
    )
)


def _apply_decisions(connection: Connection, run_id: str, decided: Sequence[Decision]) -> None:
    held: dict[int, int] = {}
    for ids in in_batches(decision.episode_id for decision in decided):
        query = select(episodes.c.episode_id, episodes.c.replaced_plays).where(
            episodes.c.run_id == run_id, episodes.c.episode_id.in_(ids), episodes.c.decision == "held"
        )
        held.update((episode_id, n_plays) for episode_id, n_plays in connection.execute(query))
    decided = [decision for decision in decided if decision.episode_id in held]
    if not decided:
        return
    connection.execute(
        _update_decision,
        [
            {
                "of_run": run_id,
                "of_episode": decision.episode_id,
                "new_decision": decision.decision,
                "new_reasons": decision.reasons,
                "new_why": decision.why_json,
            }
            for decision in decided
        ],
    )
    replace_reasons(connection, [(run_id, s.episode_id, s.reasons) for s in decided])
    # One that was salvaged and went on may have the recording of its first part.
    skipped = [s.episode_id for s in decided if s.decision == "skipped" and held[s.episode_id]]
    delete_of_episodes(connection, recordings, run_id, skipped)
