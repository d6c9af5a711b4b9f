"""Sweeping up what fell between the steps: abandoned episodes, unfinished runs, kept but unwritten, written but not dropped.

Everything here can be found out again from the catalog and the streams, so a sweep that is cut short costs nothing.
Only runs that this server knows are looked at: a catalog may be shared by several servers, or by trainers that record
in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from recorder.catalog import EpisodeRow
from recorder.errors import StorageError, StreamCorruptError
from recorder.step_stream import FIRST_CURSOR, Flush, OpenPlay, Play, RunInfo, pack_body, trainers_are_gone
from worker.ingest.context import IngestContext
from worker.ingest.orphans import find_orphans
from worker.ingest.salvage import salvage_abandoned
from worker.ingest.silence import is_time_to_look, look_at_trainers, someone_is_gone
from worker.ingest.write import claim, delete_earlier_plays

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

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later.
    """
    result = SweepResult()
    is_look = is_time_to_look(context)
    is_thorough = context.stream.try_lock("thorough-sweep", secs=context.limits.thorough_sweep_secs)
    run_ids = [run_id for run_id, _ in context.stream.runs()]
    if n_taken_back := context.catalog.see_runs(run_ids, context.now()):
        _log.warning("%d episodes were taken for lost, but their server has their runs", n_taken_back)
    for run_id in run_ids:
        try:
            _sweep_run(context, run_id, result, is_look=is_look, is_thorough=is_thorough)
        except StreamCorruptError as error:
            _log.error("sweep of run_id=%s: %s", run_id, error)
    if is_thorough:
        _delete_unfinished(context)
        _give_up_lost(context)
    return result


def _sweep_run(context: IngestContext, run_id: str, result: SweepResult, *, is_look: bool, is_thorough: bool) -> None:
    info = context.stream.run_info(run_id)
    if is_look:
        info = look_at_trainers(context, info)
    open_plays = context.stream.open_plays(run_id)
    if is_thorough or someone_is_gone(info):  # whose they are has to be read episode by episode
        result.n_salvaged += salvage_abandoned(context, info, open_plays)
    if is_thorough:
        _sweep_orphans(context, info, open_plays, result)
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
        context.stream.drop_plays(run_id, [Play(row.episode_id, row.play_id) for row in rows])
        context.catalog.mark_streams_dropped(run_id, done_ids, context.now())
    return len(rows)


def _sweep_orphans(context: IngestContext, info: RunInfo, open_plays: Collection[OpenPlay], result: SweepResult) -> int:
    """Returns how many episodes were salvaged that nobody had announced."""
    has_unread = _has_unread_ends(context, info.run_id)  # asked first: what is read meanwhile stands in the catalog
    orphans = find_orphans(context, info.run_id, open_plays)
    context.stream.drop_plays(info.run_id, orphans.unwanted)
    n_salvaged = 0 if has_unread else salvage_abandoned(context, info, orphans.unannounced)
    result.n_streams_dropped += len(orphans.unwanted)
    result.n_salvaged += n_salvaged
    return n_salvaged


def _has_unread_ends(context: IngestContext, run_id: str) -> bool:
    return bool(context.stream.read_finished(run_id, after=FIRST_CURSOR, limit=1))


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
    if _has_unread_ends(context, run_id):
        return  # to be evaluated first
    if state.ended_at is None:
        if _sweep_orphans(context, info, (), result):
            return  # to be evaluated first
        context.stream.send(run_id, Flush(finished=[pack_body({"kind": "run_end", "producer": "sweep"})]))
        result.ended_runs.append(run_id)
    elif info.last_heartbeat < context.now_secs() - _FORGET_RUN_AFTER_SECS and not context.stream.episodes_held(run_id):
        context.stream.forget_run(run_id)
        result.forgotten_runs.append(run_id)
