"""Finishes abandoned episodes and runs, writes kept episodes without a file, and deletes streams.

Everything here can be derived again from the catalog and the streams, so a sweep may be interrupted at any point. Only
runs that this Redis knows are swept: several Redis servers, or trainers that record in memory, may share a catalog.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from recorder.catalog import ClaimedEpisode
from recorder.errors import CatalogUnavailableError, RecorderError, StorageError, StreamError, StreamUnavailableError
from recorder.step_stream import Flush, KnownRun, RunInfo, pack_body, trainers_are_gone
from worker.ingest.context import IngestContext
from worker.ingest.evaluate import evaluate_run
from worker.ingest.missed_heartbeats import count_missed_heartbeats, is_any_gone, is_check_due
from worker.ingest.orphans import OrphanSearch, continue_scan, has_streams, has_unread_ends, is_scan_running
from worker.ingest.packing import PackedCopies
from worker.ingest.place import delete_leftovers, forget_streams
from worker.ingest.salvage import salvage_abandoned
from worker.ingest.write import claim, claim_and_write

__all__ = ["SweepResult", "drain_run", "drop_decided", "report_ended_runs", "sweep"]

_log = logging.getLogger(__name__)

_FORGET_RUN_AFTER_SECS = 3600.0
"""An ended run is removed from Redis after an hour. Until then ``stats`` and viewers can see its producers."""

_LOST_AFTER_SECS = 600.0
"""If no worker has seen a run in Redis for this long, its undecided and unwritten episodes count as lost. They are
taken back if the run appears again, for example because its workers were down."""

_MAX_WRITES = 1000
"""Unwritten episodes of a run that one sweep hands out. The next sweep continues."""


_UNFINISHED_SECS = 3600.0
"""Age at which a temporary file cannot be in use any more."""


_SCAN_SECS = 5.0
"""Time for scanning streams in one sweep. The next one continues. Shorter than the pause between sweeps."""

_RUNS_SECS = 60.0
"""Time for going through the runs in one sweep, far below a task's time limit. The next sweep begins with the next
run."""

_SCAN = "orphans"
_NEXT_RUN = "sweep"


@dataclass(slots=True)
class SweepResult:
    """Results of one sweep."""

    n_salvaged: int = 0
    n_streams_dropped: int = 0
    ended_runs: list[str] = field(default_factory=list)
    forgotten_runs: list[str] = field(default_factory=list)
    to_write: dict[str, list[ClaimedEpisode]] = field(default_factory=dict)
    """Run id to kept episodes without a file. The sweep has leased them; the caller hands them out."""


def sweep(context: IngestContext) -> SweepResult:
    """Go through all runs that Redis knows.

    An error in one run is logged and does not affect the others.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later.
    """
    result = SweepResult()
    is_check = is_check_due(context)
    is_thorough = context.stream.try_lock("thorough-sweep", secs=context.limits.thorough_sweep_secs)
    run_ids = [run_id for run_id, _ in context.stream.runs()]
    if n_taken_back := context.catalog.mark_runs_seen(run_ids, context.now()):
        _log.warning("%d episodes had been counted as lost, but their runs are in Redis again", n_taken_back)
    for run_id in _runs_in_turn(context, run_ids):
        try:
            _sweep_run(context, run_id, result, is_check=is_check, is_thorough=is_thorough)
        except (StreamUnavailableError, CatalogUnavailableError):
            raise
        except RecorderError as error:
            _log.error("sweep of run_id=%s: %s", run_id, error)
        except Exception:  # noqa: BLE001 - an error in one run must not stop the others
            _log.exception("sweep of run_id=%s: unexpected error; the other runs continue", run_id)
    if is_thorough or is_scan_running(context, _SCAN):
        _scan(context, _SCAN, run_ids, result)
    if is_thorough:
        _delete_unfinished(context)
        _give_up_lost(context)
    report_ended_runs(context)
    return result


def _runs_in_turn(context: IngestContext, run_ids: Sequence[str]) -> Iterator[str]:
    """Yield the runs until time runs out, beginning where the previous sweep stopped."""
    place = context.stream.bookmark(_NEXT_RUN)
    first = run_ids.index(place) if place in run_ids else 0
    deadline = time.monotonic() + _RUNS_SECS
    for run_id in [*run_ids[first:], *run_ids[:first]]:
        if time.monotonic() > deadline:
            context.stream.set_bookmark(_NEXT_RUN, run_id)
            return
        yield run_id
    if place is not None:
        context.stream.set_bookmark(_NEXT_RUN, None)


def _sweep_run(context: IngestContext, run_id: str, result: SweepResult, *, is_check: bool, is_thorough: bool) -> None:
    info = context.stream.run_info(run_id)
    if is_check:
        info = count_missed_heartbeats(context, info)
    if is_thorough or is_any_gone(info):  # each play must be read to know its producer
        open_plays = context.stream.open_plays(run_id)
        has_open = bool(open_plays)
        result.n_salvaged += salvage_abandoned(context, info, open_plays)
    else:
        has_open = context.stream.count_open_plays(run_id) > 0
    if rows := claim(context, run_id, limit=_MAX_WRITES):
        result.to_write[run_id] = rows
    result.n_streams_dropped += drop_decided(context, run_id)
    if not has_open and trainers_are_gone(info):
        _end_run(context, info, result)


def drop_decided(context: IngestContext, run_id: str) -> int:
    """Delete the streams and replaced files that a worker did not delete before it died."""
    rows = context.catalog.streams_to_drop(run_id)
    if rows:
        copies = PackedCopies(context.storage, run_id)
        done_ids = [row.episode_id for row in rows if delete_leftovers(context, row, copies)]
        forget_streams(context, run_id, rows)
        context.catalog.mark_streams_dropped(run_id, done_ids, context.now())
    return len(rows)


def _scan(
    context: IngestContext, name: str, run_ids: Collection[str], result: SweepResult, *, run_id: str | None = None
) -> bool:
    """Continue the search for orphans; return whether all streams were searched and none was salvaged by this call."""
    search = OrphanSearch(context, run_ids)
    try:
        is_over = continue_scan(context, name, search.look, secs=_SCAN_SECS, run_id=run_id)
    finally:
        result.n_streams_dropped += search.n_dropped
        result.n_salvaged += search.n_salvaged
    return is_over and not search.n_salvaged


def _delete_unfinished(context: IngestContext) -> None:
    try:
        context.storage.delete_unfinished(older_than_secs=_UNFINISHED_SECS)
    except StorageError as error:
        _log.error("can't delete temporary files of killed workers: %s", error)


def _give_up_lost(context: IngestContext) -> None:
    """Mark the episodes of runs that are in no Redis any more as lost."""
    unseen_since = context.now() - timedelta(seconds=_LOST_AFTER_SECS)
    for run_id, n_episodes in context.catalog.park_lost(unseen_since=unseen_since, now=context.now()).items():
        _log.error("%d episodes of run_id=%s are lost: no Redis has the run any more", n_episodes, run_id)


def _end_run(context: IngestContext, info: RunInfo, result: SweepResult) -> None:
    """End a run whose trainers are all gone without having ended it."""
    run_id = info.run_id
    state = context.catalog.load_run_state(run_id)
    if has_unread_ends(context, run_id):
        return  # evaluate them first
    if state.ended_at is None:
        if not _scan(context, f"end:{run_id}", {run_id}, result, run_id=run_id):
            return  # evaluate or search the rest first
        context.stream.send(run_id, Flush(finished=[pack_body({"kind": "run_end", "producer": "sweep"})]))
        result.ended_runs.append(run_id)
    elif info.last_heartbeat < context.now_secs() - _FORGET_RUN_AFTER_SECS and not has_streams(context, run_id):
        context.stream.forget_run(run_id)
        result.forgotten_runs.append(run_id)


_EVERY_SECS = 86_400.0
"""An emptied Redis has forgotten this too, so that its first sweep reports them again."""

_MAX_RUNS = 10_000


def report_ended_runs(context: IngestContext) -> None:
    """Report the ended runs that are not in Redis, once a day: Redis may be new, or may have been emptied.

    Raises:
        CatalogUnavailableError: call again later.
    """
    try:
        if not context.stream.try_lock("known-runs", secs=_EVERY_SECS):
            return
        present = {run_id for run_id, _ in context.stream.runs()}
        for run_id, n_episodes, last_episode_id in context.catalog.ended_runs(limit=_MAX_RUNS):
            if run_id not in present:
                known = KnownRun(n_episodes, last_episode_id, has_ended=True)
                context.stream.report_known_run(run_id, known)
    except StreamError as error:
        _log.warning("trainers may not learn which run ids are used: %s", error)


def drain_run(context: IngestContext, run_id: str) -> bool:
    """Decide a batch of a run's episodes, write a batch of those kept, and delete streams that are no longer needed.

    Several workers may call it at once.

    Returns:
        Whether there may be more to do.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later; completed work is kept.
    """
    evaluation = evaluate_run(context, run_id, max_batches=1)
    n_claimed = claim_and_write(context, run_id)
    drop_decided(context, run_id)
    return evaluation.has_more or n_claimed > 0
