"""Streams that neither the list of open episodes nor the catalog accounts for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from recorder.errors import RecordingNotFoundError
from recorder.step_stream import FIRST_CURSOR, OpenPlay, Play
from worker.ingest.context import IngestContext

__all__ = ["Orphans", "find_orphans"]


@dataclass(slots=True)
class Orphans:
    """What a comparison of the streams with the catalog has found."""

    unwanted: list[Play] = field(default_factory=list)
    """Settled or replaced: a trainer that sent its last seconds again has made the stream anew."""
    unannounced: list[OpenPlay] = field(default_factory=list)
    """Not in the catalog and not open: its end is still to be read, or its trainer died before it could say that it had begun."""


def find_orphans(context: IngestContext, run_id: str, open_plays: Collection[OpenPlay]) -> Orphans:
    """Look at every stream of the run; of two plays in one stream the earlier is seen, the other next time.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later.
    """
    open_now = {it.play for it in open_plays}
    orphans = Orphans()
    for episode_id in context.stream.episodes_held(run_id):
        entries = context.stream.read_episode(run_id, episode_id, after=FIRST_CURSOR, limit=1)
        play = Play(episode_id, entries[0].play_id) if entries else None
        if play is None or play in open_now:
            continue
        try:
            row = context.catalog.get_episode(run_id, episode_id)
        except RecordingNotFoundError:
            row = None
        if row is None or row.play_id < play.play_id:
            orphans.unannounced.append(OpenPlay(play, 0.0))
        elif row.play_id > play.play_id or row.is_settled:
            orphans.unwanted.append(play)
    return orphans
