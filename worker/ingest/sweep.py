"""Sweeping up what fell between the steps: abandoned episodes, unfinished runs, kept but unwritten, written but not dropped.

Everything here can be found out again from the catalog and the streams, so a sweep that is cut short costs nothing.
Only runs that this server knows are looked at: a catalog may be shared by several servers, or by trainers that record
in memory.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from recorder.catalog import EpisodeRow
from recorder.errors import CatalogUnavailableError, RecorderError, StorageError, StreamUnavailableError
from recorder.step_stream import Flush, RunInfo, pack_body, trainers_are_gone
from worker.ingest.context import IngestContext
from worker.ingest.orphans import OrphanSearch, has_unread_ends
from worker.ingest.salvage import salvage_abandoned
from worker.ingest.silence import is_time_to_look, look_at_trainers, someone_is_gone
from worker.ingest.stream_walk import has_streams, is_under_way, walk_on
from worker.ingest.write import claim, delete_earlier_plays, forget_streams

__all__ = ["SweepResult", "drop_settled", "sweep"]

_log = logging.getLogger(__name__)

_FORGET_RUN_AFTER_SECS = 3600.0
"""An ended run leaves the server after an hour; until then ``stats`` and viewers can still see who recorded it."""

_LOST_AFTER_SECS = 600.0
"""How long no worker has to see a run on any server before what it left undecided or unwritten counts as lost; what was given up
too early, because the workers of its server were away, is taken back."""

_MAX_WRITES = 1000
"""Unwritten episodes of a run handed out by one sweep; the next one goes on."""


_UNFINISHED_SECS = 3600.0
"""Age at which nobody can still be writing a file."""


_WALK_SECS = 5.0
"""For comparing streams with the catalog in one sweep; the next one goes on. Shorter than the pause between sweeps."""

_RUNS_SECS = 60.0
"""For looking at runs in one sweep; far below the time limit of a task. The next one begins with the run after."""

_WALK = "orphans"
_NEXT_RUN = "sweep"


@dataclass(slots=True)
class SweepResult:
    """What one sweep has found."""

    n_salvaged: int = 0
    n_streams_dropped: int = 0
    ended_runs: list[str] = field(default_factory=list)
    forgotten_runs: list[str] = field(default_factory=list)
    to_write: dict[str, list[EpisodeRow]] = field(default_factory=dict)
    """Run id to kept episodes without a file that nobody works on, leased; the caller hands them out."""


def sweep(context: IngestContext) -> SweepResult:
    """Look through all runs that the server knows.

    What goes wrong with one run is logged, and keeps nobody from the others.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later.
    """
    result = SweepResult()
    is_look = is_time_to_look(context)
    is_thorough = context.stream.try_lock("thorough-sweep", secs=context.limits.thorough_sweep_secs)
    run_ids = [run_id for run_id, _ in context.stream.runs()]
    if n_taken_back := context.catalog.see_runs(run_ids, context.now()):
        _log.warning("%d episodes were taken for lost, but their server has their runs", n_taken_back)
    for run_id in _whose_turn_it_is(context, run_ids):
        try:
            _sweep_run(context, run_id, result, is_look=is_look, is_thorough=is_thorough)
        except (StreamUnavailableError, CatalogUnavailableError):
            raise
        except RecorderError as error:
            _log.error("sweep of run_id=%s: %s", run_id, error)
        except Exception:  # noqa: BLE001 - a defect that one run brings out must not keep the others waiting
            _log.exception("sweep of run_id=%s: a defect; the other runs go on", run_id)
    if is_thorough or is_under_way(context, _WALK):
        _walk(context, _WALK, run_ids, result)
    if is_thorough:
        _delete_unfinished(context)
        _give_up_lost(context)
    return result


def _whose_turn_it_is(context: IngestContext, run_ids: Sequence[str]) -> Iterator[str]:
    """The runs, from the one where the sweep before ran out of time, until this one does."""
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


def _sweep_run(context: IngestContext, run_id: str, result: SweepResult, *, is_look: bool, is_thorough: bool) -> None:
    info = context.stream.run_info(run_id)
    if is_look:
        info = look_at_trainers(context, info)
    open_plays = context.stream.open_plays(run_id)
    if is_thorough or someone_is_gone(info):  # whose they are has to be read episode by episode
        result.n_salvaged += salvage_abandoned(context, info, open_plays)
    if rows := claim(context, run_id, limit=_MAX_WRITES):
        result.to_write[run_id] = rows
    result.n_streams_dropped += drop_settled(context, run_id)
    if not open_plays and trainers_are_gone(info):
        _end_run(context, info, result)


def drop_settled(context: IngestContext, run_id: str) -> int:
    """Drop streams that their worker did not live to drop, and the files of the plays that theirs replaced."""
    rows = context.catalog.streams_to_drop(run_id)
    if rows:
        done_ids = [row.episode_id for row in rows if delete_earlier_plays(context, row)]
        forget_streams(context, run_id, rows)
        context.catalog.mark_streams_dropped(run_id, done_ids, context.now())
    return len(rows)


def _walk(
    context: IngestContext, name: str, run_ids: Collection[str], result: SweepResult, *, run_id: str | None = None
) -> bool:
    """Go on to look for orphans; returns whether all streams are looked at, and none had to be salvaged just now."""
    search = OrphanSearch(context, run_ids)
    try:
        is_over = walk_on(context, name, search.look, secs=_WALK_SECS, run_id=run_id)
    finally:
        result.n_streams_dropped += search.n_dropped
        result.n_salvaged += search.n_salvaged
    return is_over and not search.n_salvaged


def _delete_unfinished(context: IngestContext) -> None:
    try:
        context.storage.delete_unfinished(older_than_secs=_UNFINISHED_SECS)
    except StorageError as error:
        _log.error("files of killed workers stay: %s", error)


def _give_up_lost(context: IngestContext) -> None:
    """Of a run that no server has any more, nobody else would ever say so."""
    unseen_since = context.now() - timedelta(seconds=_LOST_AFTER_SECS)
    for run_id, n_episodes in context.catalog.give_up_lost(unseen_since=unseen_since, now=context.now()).items():
        _log.error("%d episodes of run_id=%s are lost: no server has the run any more", n_episodes, run_id)


def _end_run(context: IngestContext, info: RunInfo, result: SweepResult) -> None:
    """A run whose trainers are all gone has ended, even if none of them said so."""
    run_id = info.run_id
    state = context.catalog.load_run_state(run_id)
    if has_unread_ends(context, run_id):
        return  # to be evaluated first
    if state.ended_at is None:
        if not _walk(context, f"end:{run_id}", {run_id}, result, run_id=run_id):
            return  # to be evaluated first, or looked at
        context.stream.send(run_id, Flush(finished=[pack_body({"kind": "run_end", "producer": "sweep"})]))
        result.ended_runs.append(run_id)
    elif info.last_heartbeat < context.now_secs() - _FORGET_RUN_AFTER_SECS and not has_streams(context, run_id):
        context.stream.forget_run(run_id)
        result.forgotten_runs.append(run_id)
