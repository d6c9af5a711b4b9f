"""Salvage: an episode whose trainer died ends with the steps that had arrived."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from recorder.episode import EpisodeMetadata, EpisodeStatus
from recorder.errors import StreamCorruptError
from recorder.step_stream import Flush, OpenPlay, RunInfo, StreamEntry, episode_end, pack_body
from worker.ingest.assemble import read_play, read_producer
from worker.ingest.context import IngestContext

__all__ = ["salvage_abandoned", "trainers_are_gone"]

_log = logging.getLogger(__name__)


def trainers_are_gone(context: IngestContext, info: RunInfo) -> bool:
    """Whether each trainer process of the run has closed, or has been silent for too long."""
    return all(_is_gone(context, producer) for producer in info.producers.values())


def salvage_abandoned(context: IngestContext, info: RunInfo, open_plays: Collection[OpenPlay]) -> int:
    """End those of the open plays whose trainer is gone; returns how many.

    A trainer that pauses between two steps is not gone: it still says that it lives.
    """
    oldest = context.now_secs() - context.limits.abandoned_after_secs
    n_salvaged = 0
    for open_play in open_plays:
        if open_play.last_active < oldest:
            n_salvaged += _salvage(context, info, open_play)
    return n_salvaged


def _is_gone(context: IngestContext, producer: Mapping[str, Any] | None) -> bool:
    if producer is None or producer.get("closed"):
        return True
    return bool(producer.get("heartbeat", 0.0) < context.now_secs() - context.limits.abandoned_after_secs)


def _salvage(context: IngestContext, info: RunInfo, open_play: OpenPlay) -> bool:
    play = open_play.play
    first = context.stream.read_episode(info.run_id, play.episode_id, after=f"{play.play_id}-0", limit=1)
    producer_id = read_producer(first[0]) if first and first[0].play_id == play.play_id else None
    if producer_id is None:
        is_gone = trainers_are_gone(context, info)
    else:
        is_gone = _is_gone(context, info.producers.get(producer_id))
    if not is_gone:
        return False
    entries = context.stream.read_plays(info.run_id, [play])[0]
    try:
        body = _end_of(entries, open_play)
        _log.error(
            "salvaged %d steps of episode_id=%d, run_id=%s: its trainer is gone",
            body["n_steps"],
            play.episode_id,
            info.run_id,
        )
    except StreamCorruptError as error:
        _log.error("nothing to salvage of episode_id=%d, run_id=%s: %s", play.episode_id, info.run_id, error)
        body = _nothing_left(open_play, str(error))
    context.stream.send(info.run_id, Flush(finished=[pack_body(body)], closed=[play]))
    return True


def _end_of(entries: list[StreamEntry], open_play: OpenPlay) -> dict[str, Any]:
    content = read_play(entries)
    return episode_end(
        content.metadata.to_map(),
        play_id=open_play.play.play_id,
        producer_id=content.producer,
        n_bytes=sum(len(entry.data) for entry in entries),
        last_sequence=entries[-1].sequence,
        is_resumed=content.is_resumed,
    )


def _nothing_left(open_play: OpenPlay, why: str) -> dict[str, Any]:
    """A row in the catalog must say that there was an episode."""
    metadata = EpisodeMetadata(
        episode_id=open_play.play.episode_id, status=EpisodeStatus.ABORTED, timestamp=open_play.last_active
    )
    body = episode_end(
        metadata.to_map(), play_id=open_play.play.play_id, producer_id="sweep", n_bytes=0, last_sequence=0
    )
    return {**body, "kind": "abort", "reason": f"its trainer died, and nothing could be salvaged: {why}"}
