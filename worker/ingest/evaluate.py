"""Decides which finished episodes of a run are kept.

Ends of episodes are read in order and removed up to a cursor. One transaction commits the criteria's state, the new
cursor and a row for each episode. It succeeds only if the cursor has not changed, so only one of two workers can commit
a batch.
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
from worker.ingest.place import delete_replaced
from worker.ingest.restore import restore_evaluator

__all__ = ["Evaluation", "evaluate_run", "report_known_run"]

_log = logging.getLogger(__name__)

_BROKEN_ENTRY = (StreamCorruptError, UsageError, LookupError, TypeError, ValueError, ArithmeticError)
"""Errors that an invalid entry can cause, or one that the database cannot store."""


@dataclass(slots=True)
class Evaluation:
    """What one call has done."""

    n_episodes: int = 0
    n_kept: int = 0
    n_refused: int = 0
    lost_race: bool = False
    has_more: bool = False
    """Whether more episodes may wait."""
    is_ended: bool = False


def evaluate_run(context: IngestContext, run_id: str, *, max_batches: int = 1_000_000) -> Evaluation:
    """Evaluate the unread ends, batch by batch, until there are none.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later; the current batch is committed whole or
        not at all.
        UsageError: another version of hamlet-recorder wrote the state of the criteria.
    """
    done = Evaluation()
    for _ in range(max_batches):
        state = context.catalog.load_run_state(run_id)
        entries = context.stream.read_finished(run_id, after=FIRST_CURSOR, limit=context.limits.batch_episodes)
        if entries and _place(entries[0].entry_id) <= _place(state.cursor):
            _handle_passed(context, run_id, state, entries)
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


def _handle_passed(context: IngestContext, run_id: str, state: RunState, entries: Sequence[FinishedEntry]) -> None:
    """Handle ends at or before the cursor: their worker died before it removed them, or a new Redis server's clock
    is behind.

    If the catalog lacks one of them, the cursor is reset so that none is skipped. Known ones are handled as repeats.
    """
    passed = [entry for entry in entries if _place(entry.entry_id) <= _place(state.cursor)]
    plays = dict(filter(None, map(_play_of, passed)))
    known = context.catalog.existing_plays(run_id, plays)
    if all(known.get(episode_id, -1) >= play_id for episode_id, play_id in plays.items()):
        context.stream.trim_finished(run_id, through=passed[-1].entry_id)
    elif context.catalog.rewind(run_id, old_cursor=state.cursor):
        _log.error(
            "run_id=%s has unknown ends before its cursor, as on a new Redis server: reading from the start", run_id
        )


def _play_of(entry: FinishedEntry) -> tuple[int, int] | None:
    """Return the episode id and play id in an entry; None if it has none, or none that a database can store."""
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
    """Decide and commit a batch; return how many entries were processed, 0 if another worker was faster.

    If an entry cannot be processed, the batch is halved until that entry is alone; then it is refused.
    """
    evaluator, lost = restore_evaluator(context, run_id, state)
    info = context.stream.run_info(run_id)
    try:
        plan = decide(entries, evaluator, context=context, info=info)
        lost = [one for one in lost if one.episode_id not in plan.rows]
        plan.decisions = {**{one.episode_id: one for one in lost}, **plan.decisions}
        return len(entries) if _commit(context, info, state, evaluator, plan, entries[-1].entry_id, done) else 0
    except _BROKEN_ENTRY as caught:
        error = caught
    # Outside the handler: else a traceback would show the errors of all larger batches too.
    if len(entries) > 1:
        return _evaluate(context, run_id, state, entries[: len(entries) // 2], done)
    _log.error(
        "finished entry %s of run_id=%s is refused: %s: %s",
        entries[0].entry_id,
        run_id,
        type(error).__name__,
        error,
        # The reason is enough for an entry of another program; anything else is a defect.
        exc_info=None if isinstance(error, StreamCorruptError | UsageError) else error,
    )
    evaluator, lost = restore_evaluator(context, run_id, state)
    plan = Plan(decisions={one.episode_id: one for one in lost})
    plan.refuse(entries[0].body.get("producer"), n_steps=0, why=f"an end is invalid: {error}")
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
    continues = bool(plan.rows) and state.ended_at is not None
    if state.cursor == FIRST_CURSOR:
        _store_run(context, info)
    replaced_files = _replaced_files(context, run_id, plan)
    won = context.catalog.commit_evaluation(
        run_id,
        old_cursor=state.cursor,
        new_cursor=cursor,
        criteria_state=evaluator.state(),
        new_episodes=list(plan.rows.values()),
        decided=list(plan.decisions.values()),
        continued=plan.continued,
        n_refused=plan.n_refused,
        n_late_keeps=plan.n_late_keeps,
        ended=True if plan.is_ended else False if continues else None,
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
    delete_replaced(context, replaced_files)
    context.stream.drop_plays(run_id, plan.drop)
    # If the worker that committed a replacement died before it deleted the file, the sweep deletes it.
    context.catalog.mark_streams_dropped(run_id, plan.ids("skipped"), context.now(), first_plays_only=True)
    if plan.is_ended or continues or plan.refused:
        report_known_run(context, run_id)
    if plan.refused:
        with _log_stream_errors(run_id):
            context.stream.report_refused(run_id, plan.refused)
    return True


def report_known_run(context: IngestContext, run_id: str) -> None:
    """Tell trainers that start later that this run exists. Does nothing if the catalog has no such run.

    Raises:
        CatalogUnavailableError: the catalog cannot be read.
    """
    try:
        run = context.catalog.get_run(run_id)
    except RecordingNotFoundError:
        return
    last = context.catalog.list_episodes(run=run_id, order="-episode_id", limit=1).episodes
    known = KnownRun(run.n_episodes, last[0].episode_id if last else -1, run.ended_at is not None)
    with _log_stream_errors(run_id):
        context.stream.report_known_run(run_id, known)


@contextmanager
def _log_stream_errors(run_id: str) -> Iterator[None]:
    """Log a failed message to the trainers and go on: the catalog has the data, and a full Redis must not stop the
    workers."""
    try:
        yield
    except StreamError as error:
        _log.warning("could not tell the trainers of run_id=%s: %s", run_id, error)


def _store_run(context: IngestContext, info: RunInfo) -> None:
    """Store what the trainers reported about the run. If the database cannot store the config, the run has none."""
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
        _log.error("the config of run_id=%s is not stored: %s", info.run_id, error)


def _replaced_files(context: IngestContext, run_id: str, plan: Plan) -> list[str]:
    """Return the files of replaced plays. Call it before the commit, which removes their names; delete them after
    it."""
    names = []
    for play in plan.replaced:
        try:
            recording = context.catalog.get_recording(run_id, play.episode_id)
        except RecordingNotFoundError:
            continue
        if recording.play_id in (play.play_id, None):
            names.append(recording.file_path)
    return names
