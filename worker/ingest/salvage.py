"""Ends episodes whose trainer died with the steps that had arrived."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from recorder.catalog import EpisodeRow
from recorder.episode import EpisodeMetadata, EpisodeStatus
from recorder.episode_file import Episode
from recorder.errors import StreamCorruptError
from recorder.step_stream import (
    Flush,
    OpenPlay,
    Play,
    RunInfo,
    StreamEntry,
    episode_end,
    is_gone,
    pack_body,
    trainers_are_gone,
)
from worker.ingest.assemble import read_play, read_producer
from worker.ingest.context import IngestContext
from worker.ingest.continued import continues_salvaged, salvaged_file, salvaged_row
from worker.ingest.missed_heartbeats import expect_trainers, is_known

__all__ = ["salvage_abandoned"]

_log = logging.getLogger(__name__)


def salvage_abandoned(context: IngestContext, info: RunInfo, open_plays: Collection[OpenPlay]) -> int:
    """End the open plays whose trainer is gone; return how many.

    A trainer that pauses between two steps still sends heartbeats, so it is not gone.
    """
    n_salvaged = 0
    unknown: set[str] = set()
    headers = context.stream.read_headers(info.run_id, [it.play for it in open_plays])
    for open_play, header in zip(open_plays, headers, strict=True):
        name = None if header is None else read_producer(header)
        if name is not None and not is_known(info, name):
            unknown.add(name)  # its first heartbeat may not have arrived yet
        elif is_gone(info, name) if name is not None else trainers_are_gone(info):
            n_salvaged += _salvage(context, info.run_id, open_play)
    if unknown:
        expect_trainers(context, info, unknown)
    return n_salvaged


def _salvage(context: IngestContext, run_id: str, open_play: OpenPlay) -> bool:
    """End a play; False when it was salvaged before, and there is no more of it."""
    play = open_play.play
    entries = context.stream.read_plays(run_id, [play])[0]
    known = salvaged_row(context, run_id, play)
    earlier = None if known is None else salvaged_file(context, known)
    try:
        body = _end_of(entries, open_play, earlier)
        if known is not None and not continues_salvaged(known, n_steps=body["n_steps"], status=body["status"]):
            return _leave_as_it_is(context, known, entries)
        _log.error(
            "salvaged %d steps of episode_id=%d, run_id=%s: its trainer is gone",
            body["n_steps"],
            play.episode_id,
            run_id,
        )
    except StreamCorruptError as error:
        if known is not None:
            return _leave_as_it_is(context, known, entries)
        _log.error("nothing to salvage of episode_id=%d, run_id=%s: %s", play.episode_id, run_id, error)
        body = _end_without_steps(open_play, str(error))
    context.stream.send(run_id, Flush(finished=[pack_body(body)], closed=[play]))
    return True


def _leave_as_it_is(context: IngestContext, known: EpisodeRow, entries: list[StreamEntry]) -> bool:
    """What was sent again of a salvaged play says nothing new."""
    play = Play(known.episode_id, known.play_id)
    context.stream.send(known.run_id, Flush(closed=[play]))
    if known.is_done and entries:
        context.stream.trim_play(known.run_id, play, through=entries[-1].sequence)
    return False


def _end_of(entries: list[StreamEntry], open_play: OpenPlay, earlier: Episode | None) -> dict[str, Any]:
    content = read_play(entries, earlier=earlier)
    return episode_end(
        content.metadata.to_map(),
        play_id=open_play.play.play_id,
        producer_id=content.producer,
        n_bytes=sum(len(entry.data) for entry in entries),
        last_sequence=entries[-1].sequence if entries else 0,
        is_resumed=content.is_resumed,
    )


def _end_without_steps(open_play: OpenPlay, why: str) -> dict[str, Any]:
    """Return the end of an episode without steps, so that the catalog has a row for it."""
    metadata = EpisodeMetadata(
        episode_id=open_play.play.episode_id,
        status=EpisodeStatus.ABORTED,
        timestamp=open_play.last_active,
        finished_unix_nanos=int(open_play.last_active * 1e9),
    )
    body = episode_end(
        metadata.to_map(), play_id=open_play.play.play_id, producer_id="sweep", n_bytes=0, last_sequence=0
    )
    return {**body, "kind": "abort", "reason": f"its trainer died and nothing could be salvaged: {why}"}
