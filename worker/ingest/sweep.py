"""Sweeping up what fell between the steps: abandoned episodes, unfinished runs, kept but unwritten, written but not dropped.

Everything here can be found out again from the catalog and the streams, so a sweep that is cut short costs nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgpack

from recorder.errors import StreamCorruptError
from recorder.step_stream import Flush, OpenPlay, Play, RunInfo, episode_end
from worker.ingest.assemble import read_play
from worker.ingest.context import IngestContext

__all__ = ["SweepResult", "sweep"]

_log = logging.getLogger(__name__)

_FORGET_RUN_AFTER_SECS = 3600.0
"""An ended run leaves the server after an hour; until then ``stats`` and viewers can still see who recorded it."""

_MAX_WRITES = 1000
"""Unwritten episodes handed out by one sweep; the next one goes on."""


@dataclass(slots=True)
class SweepResult:
    """What one sweep has found."""

    n_salvaged: int = 0
    n_streams_dropped: int = 0
    ended_runs: list[str] = field(default_factory=list)
    forgotten_runs: list[str] = field(default_factory=list)
    to_write: dict[str, list[int]] = field(default_factory=dict)
    """Run id to kept episodes without a file that nobody works on; the caller hands them out."""


def sweep(context: IngestContext) -> SweepResult:
    """Look through all runs that the server knows, and the catalog's unfinished work.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later.
    """
    result = SweepResult()
    for run_id, last_heartbeat in context.stream.runs():
        info = context.stream.run_info(run_id)
        open_plays = context.stream.open_plays(run_id)
        abandoned = [play for play in open_plays if _is_abandoned(context, play)]
        for play in abandoned:
            _salvage(context, info, play, result)
        if not open_plays and _is_silent(context, info):
            _end_run(context, run_id, last_heartbeat, result)
    rows = context.catalog.claim_writes(
        now=context.now(),
        lease_secs=context.limits.lease_secs,
        limit=_MAX_WRITES,
        max_attempts=context.limits.max_attempts,
    )
    for row in rows:
        result.to_write.setdefault(row.run_id, []).append(row.episode_id)
    _drop_streams(context, result)
    return result


def _is_abandoned(context: IngestContext, open_play: OpenPlay) -> bool:
    return open_play.last_active < context.now_secs() - context.limits.abandoned_after_secs


def _is_dead(context: IngestContext, producer: Mapping[str, Any] | None) -> bool:
    if producer is None or producer.get("closed"):
        return True
    return bool(producer.get("heartbeat", 0.0) < context.now_secs() - context.limits.abandoned_after_secs)


def _is_silent(context: IngestContext, info: RunInfo) -> bool:
    return all(_is_dead(context, producer) for producer in info.producers.values())


def _salvage(context: IngestContext, info: RunInfo, open_play: OpenPlay, result: SweepResult) -> None:
    """End an episode whose trainer is gone, with what has arrived."""
    play = open_play.play
    entries = context.stream.read_plays(info.run_id, [play])[0]
    try:
        content = read_play(entries)
    except StreamCorruptError as error:
        _log.error("nothing to salvage of episode_id=%d, run_id=%s: %s", play.episode_id, info.run_id, error)
        context.stream.drop_plays(info.run_id, [play])
        return
    if not _is_dead(context, info.producers.get(content.producer)):
        return  # a trainer that pauses between two steps is no dead trainer
    body = episode_end(
        content.metadata,
        play_id=play.play_id,
        producer_id=content.producer,
        n_bytes=sum(len(entry.data) for entry in entries),
        last_sequence=entries[-1].sequence,
    )
    _log.error(
        "salvaged %d steps of episode_id=%d, run_id=%s: its trainer is gone",
        content.metadata.n_steps,
        play.episode_id,
        info.run_id,
    )
    context.stream.send(info.run_id, Flush(finished=[msgpack.packb(body)], closed=[play]))
    result.n_salvaged += 1


def _end_run(context: IngestContext, run_id: str, last_heartbeat: float, result: SweepResult) -> None:
    """A run whose trainers are all gone has ended, even if none of them said so."""
    state = context.catalog.load_run_state(run_id)
    if state.ended_at is None:
        if not context.stream.read_finished(run_id, after=state.cursor, limit=1):
            context.stream.send(run_id, Flush(finished=[msgpack.packb({"kind": "run_end", "producer": "sweep"})]))
            result.ended_runs.append(run_id)
    elif last_heartbeat < context.now_secs() - _FORGET_RUN_AFTER_SECS and not context.stream.episodes_held(run_id):
        context.stream.forget_run(run_id)
        result.forgotten_runs.append(run_id)


def _drop_streams(context: IngestContext, result: SweepResult) -> None:
    """Drop streams that their worker did not live to drop."""
    by_run: dict[str, list[Play]] = defaultdict(list)
    for row in context.catalog.streams_to_drop():
        by_run[row.run_id].append(Play(row.episode_id, row.play_id))
    for run_id, plays in by_run.items():
        context.stream.drop_plays(run_id, plays)
        context.catalog.mark_streams_dropped(run_id, [play.episode_id for play in plays], context.now())
        result.n_streams_dropped += len(plays)
