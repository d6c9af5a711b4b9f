"""Deciding which finished episodes of a run are kept.

Ends of episodes are read in order, and removed behind a cursor. The criteria's state, the new cursor and a row for each
episode are committed in one transaction, which only succeeds while the cursor is still the old one: of two workers, one
wins and the other goes home.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from recorder.catalog import RunState
from recorder.errors import (
    CatalogError,
    CatalogUnavailableError,
    RecordingNotFoundError,
    StreamCorruptError,
    StreamError,
    UsageError,
)
from recorder.step_stream import FIRST_CURSOR, FinishedEntry, KnownRun, RunInfo
from worker.criteria import Evaluator
from worker.ingest.context import IngestContext
from worker.ingest.decide import Plan, decide
from worker.ingest.restore import take_evaluator
from worker.ingest.write import delete_replaced

__all__ = ["Evaluation", "evaluate_run", "tell_known_run"]

_log = logging.getLogger(__name__)

_BROKEN_ENTRY = (StreamCorruptError, UsageError, LookupError, TypeError, ValueError, ArithmeticError)
"""What an entry can cause that is not what the protocol says, or that the database can't hold."""


@dataclass(slots=True)
class Evaluation:
    """What one call has done."""

    n_episodes: int = 0
    n_kept: int = 0
    n_refused: int = 0
    lost_race: bool = False
    has_more: bool = False
    """Whether more may wait."""
    is_ended: bool = False


def evaluate_run(context: IngestContext, run_id: str, *, max_batches: int = 1_000_000) -> Evaluation:
    """Evaluate what is unread, batch by batch, until nothing is.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: of the current batch nothing is committed, or all of it; call
            again later.
        UsageError: the state of the criteria was made by another version of this project.
    """
    done = Evaluation()
    for _ in range(max_batches):
        state = context.catalog.load_run_state(run_id)
        entries = context.stream.read_finished(run_id, after=FIRST_CURSOR, limit=context.limits.batch_episodes)
        if entries and _place(entries[0].entry_id) <= _place(state.cursor):
            _deal_with_passed(context, run_id, state, entries)
            done.has_more = True
            continue
        if not entries:
            done.has_more = False
            break
        n_done = _evaluate(context, run_id, state, entries, done)
        if n_done == 0:
            done.lost_race = True
            break
        done.has_more = n_done < len(entries) or len(entries) == context.limits.batch_episodes
    return done


def _deal_with_passed(context: IngestContext, run_id: str, state: RunState, entries: Sequence[FinishedEntry]) -> None:
    """Ends at or before the cursor: of a worker that did not live to remove them, or of a new server whose clock is behind.

    Where the catalog does not know one of them, the cursor goes back to the start, so that none is passed over; what it knows is
    only repeated.
    """
    passed = [entry for entry in entries if _place(entry.entry_id) <= _place(state.cursor)]
    plays = dict(filter(None, map(_play_of, passed)))
    known = context.catalog.existing_plays(run_id, plays)
    if all(known.get(episode_id, -1) >= play_id for episode_id, play_id in plays.items()):
        context.stream.trim_finished(run_id, through=passed[-1].entry_id)
    elif context.catalog.rewind(run_id, old_cursor=state.cursor):
        _log.error("unknown ends of run_id=%s lie before its cursor, as on a new server: reading begins anew", run_id)


def _play_of(entry: FinishedEntry) -> tuple[int, int] | None:
    """Episode and play that an entry ends; None when it ends none, or none that a database could hold."""
    episode_id, play_id = entry.body.get("episode_id"), entry.body.get("play_id")
    if not isinstance(episode_id, int) or not isinstance(play_id, int) or abs(episode_id) >= 2**63:
        return None
    return episode_id, play_id


def _place(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def _evaluate(
    context: IngestContext, run_id: str, state: RunState, entries: Sequence[FinishedEntry], done: Evaluation
) -> int:
    """Decide and commit; returns how many entries are done with, 0 when another worker was quicker.

    A batch with an entry that can't be dealt with is cut in half until that entry is alone; then it is refused.
    """
    evaluator, lost = take_evaluator(context, run_id, state)
    info = context.stream.run_info(run_id)
    try:
        plan = decide(entries, evaluator, context=context, info=info)
        lost = [one for one in lost if one.episode_id not in plan.rows]
        plan.settlements = {**{one.episode_id: one for one in lost}, **plan.settlements}
        return len(entries) if _commit(context, info, state, evaluator, plan, entries[-1].entry_id, done) else 0
    except _BROKEN_ENTRY as caught:
        error = caught
        if len(entries) > 1:
            return _evaluate(context, run_id, state, entries[: len(entries) // 2], done)
        _log.error(
            "finished entry %s of run_id=%s is refused: %s: %s",
            entries[0].entry_id,
            run_id,
            type(error).__name__,
            error,
            exc_info=error,
        )
    evaluator, lost = take_evaluator(context, run_id, state)
    plan = Plan(settlements={one.episode_id: one for one in lost})
    plan.refuse(entries[0].body.get("producer"), n_steps=0, why=f"an end is not what it should be: {error}")
    return 1 if _commit(context, info, state, evaluator, plan, entries[0].entry_id, done) else 0


def _commit(
    context: IngestContext,
    info: RunInfo,
    state: RunState,
    evaluator: Evaluator,
    plan: Plan,
    cursor: str,
    done: Evaluation,
) -> bool:
    run_id = info.run_id
    goes_on = bool(plan.rows) and state.ended_at is not None
    if state.cursor == FIRST_CURSOR:
        _note_run(context, info)
    replaced_files = _replaced_files(context, run_id, plan)
    won = context.catalog.commit_evaluation(
        run_id,
        old_cursor=state.cursor,
        new_cursor=cursor,
        criteria_state=evaluator.state(),
        new_episodes=list(plan.rows.values()),
        settled=list(plan.settlements.values()),
        continued=plan.continued,
        n_refused=plan.n_refused,
        n_late_keeps=plan.n_late_keeps,
        ended=True if plan.is_ended else False if goes_on else None,
        at=context.now(),
    )
    if not won:
        return False
    done.n_episodes += len(plan.rows)
    done.n_kept += len(plan.ids("kept"))
    done.n_refused += plan.n_refused
    done.is_ended = plan.is_ended
    if not plan.is_ended:
        context.evaluators[run_id] = (cursor, evaluator)
    context.stream.trim_finished(run_id, through=cursor)
    for name in replaced_files:
        delete_replaced(context, name)
    context.stream.drop_plays(run_id, plan.drop)
    # Whoever committed that an earlier play is replaced may not have lived to delete its file: the sweep looks for it.
    context.catalog.mark_streams_dropped(run_id, plan.ids("skipped"), context.now(), first_plays_only=True)
    if plan.is_ended or goes_on or plan.refused:
        tell_known_run(context, run_id)
    if plan.refused:
        with _may_stay_untold(run_id):
            context.stream.tell_refused(run_id, plan.refused)
    return True


def tell_known_run(context: IngestContext, run_id: str) -> None:
    """Tell trainers that begin later that there was a run of this name; nothing when the catalog has none.

    Raises:
        CatalogUnavailableError: it can't be read.
    """
    try:
        run = context.catalog.get_run(run_id)
    except RecordingNotFoundError:
        return
    last = context.catalog.list_episodes(run=run_id, order="-episode_id", limit=1).episodes
    known = KnownRun(run.n_episodes, last[0].episode_id if last else -1, run.ended_at is not None)
    with _may_stay_untold(run_id):
        context.stream.tell_known_run(run_id, known)


@contextmanager
def _may_stay_untold(run_id: str) -> Iterator[None]:
    """The catalog has it: a server without room must not keep workers from making some."""
    try:
        yield
    except StreamError as error:
        _log.warning("the trainers of run_id=%s are not told: %s", run_id, error)


def _note_run(context: IngestContext, info: RunInfo) -> None:
    """What the trainers said of the run; where the database can't hold that, the run is recorded without."""
    hosts = [str(producer.get("host", "")) for producer in info.producers.values()]
    try:
        context.catalog.ensure_run(
            info.run_id,
            config=info.info.get("config"),
            host=hosts[0] if hosts else None,
            started_unix_nanos=info.info.get("started_unix_nanos"),
        )
    except CatalogUnavailableError:
        raise
    except (CatalogError, UsageError) as error:
        _log.error("the config of run_id=%s is left out: %s", info.run_id, error)


def _replaced_files(context: IngestContext, run_id: str, plan: Plan) -> list[str]:
    """Asked before the commit, which forgets their names; deleted after it, which may still fail or be another's."""
    names = []
    for play in plan.replaced:
        try:
            recording = context.catalog.get_recording(run_id, play.episode_id)
        except RecordingNotFoundError:
            continue
        if recording.play_id in (play.play_id, None):
            names.append(recording.file_path)
    return names
