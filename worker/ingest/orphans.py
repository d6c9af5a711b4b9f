"""Finds streams that neither the list of open episodes nor the catalog mentions.

Scans go page by page and for a limited time. Their position is stored in Redis, so any worker can continue where the
last scan stopped. A million streams take a few sweeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from recorder.episode import EpisodeStatus
from recorder.step_stream import FIRST_CURSOR, OpenPlay, Play, RunInfo
from worker.ingest.context import IngestContext
from worker.ingest.salvage import salvage_abandoned

__all__ = [
    "OrphanSearch",
    "Orphans",
    "continue_scan",
    "find_orphans",
    "has_streams",
    "has_unread_ends",
    "is_scan_running",
]


def has_unread_ends(context: IngestContext, run_id: str) -> bool:
    """Return whether a run has ends that were not evaluated yet."""
    return bool(context.stream.read_finished(run_id, after=FIRST_CURSOR, limit=1))


@dataclass(slots=True)
class Orphans:
    """Streams that differ from the catalog."""

    unwanted: list[Play] = field(default_factory=list)
    """Decided or replaced plays. A sender that repeated its last seconds has created their streams again."""
    unannounced: list[OpenPlay] = field(default_factory=list)
    """Not in the catalog and not open: its end is still to be read, or its trainer died before it could say that it had begun.
    Or it was salvaged, and its trainer has sent more of it since."""


def find_orphans(context: IngestContext, run_id: str, plays: Sequence[Play], open_now: Collection[Play]) -> Orphans:
    """Find orphans among a run's streams by the first play in each. A second play in the same stream is found by a
    later call.

    Args:
        plays: from ``StepStream.scan_episodes``.
        open_now: plays that are open.

    Raises:
        CatalogUnavailableError: call again later.
    """
    orphans = Orphans()
    closed = [play for play in plays if play not in open_now]
    states = context.catalog.play_states(run_id, [play.episode_id for play in closed])
    for play in closed:
        known_play_id, is_done, status = states.get(play.episode_id, (-1, False, ""))
        went_on = known_play_id == play.play_id and is_done and status == EpisodeStatus.SALVAGED
        if known_play_id < play.play_id or went_on:
            orphans.unannounced.append(OpenPlay(play, 0.0))
        elif known_play_id > play.play_id or is_done:
            orphans.unwanted.append(play)
    return orphans


class OrphanSearch:
    """Deletes or salvages orphans among the streams it is given.

    A run's state is read once, when its first stream is seen. Streams created after that belong to a live trainer.

    Args:
        run_ids: runs that Redis knows; streams of other runs are ignored.
    """

    def __init__(self, context: IngestContext, run_ids: Collection[str]) -> None:
        self.n_dropped = 0
        self.n_salvaged = 0
        self._context = context
        self._run_ids = run_ids
        self._runs: dict[str, tuple[bool, set[Play], RunInfo]] = {}

    def look(self, page: Mapping[str, Sequence[Play]]) -> None:
        """Search a page of ``StepStream.scan_episodes``."""
        for run_id, plays in page.items():
            if run_id in self._run_ids:
                self._look_at_run(run_id, plays)

    def _look_at_run(self, run_id: str, plays: Sequence[Play]) -> None:
        context = self._context
        if run_id not in self._runs:
            has_unread = has_unread_ends(
                context, run_id
            )  # first, because ends that are read meanwhile are in the catalog
            open_now = {it.play for it in context.stream.open_plays(run_id)}
            self._runs[run_id] = has_unread, open_now, context.stream.run_info(run_id)
        has_unread, open_now, info = self._runs[run_id]
        orphans = find_orphans(context, run_id, plays, open_now)
        context.stream.drop_plays(run_id, orphans.unwanted)
        self.n_dropped += len(orphans.unwanted)
        if not has_unread:
            self.n_salvaged += salvage_abandoned(context, info, orphans.unannounced)


Page = Mapping[str, Sequence[Play]]


def is_scan_running(context: IngestContext, name: str) -> bool:
    """Return whether a scan has begun and is not finished."""
    return context.stream.bookmark(name) is not None


def continue_scan(
    context: IngestContext, name: str, look: Callable[[Page], object], *, secs: float, run_id: str | None = None
) -> bool:
    """Continue a scan, or begin one.

    Args:
        name: of the scan.
        look: called with each page: run id to the first play in each stream.
        secs: no new page is read after this time.
        run_id: scan only this run's streams.

    Returns:
        Whether the scan is finished. The next call begins a new one.

    Raises:
        StreamUnavailableError: or any error of ``look``; the current page is read again by the next call.
    """
    place = context.stream.bookmark(name)
    cursor = int(place) if place is not None and place.isdecimal() and int(place) < 2**64 else 0
    deadline = time.monotonic() + secs
    while True:
        cursor, page = context.stream.scan_episodes(cursor, run_id=run_id)
        if page:
            look(page)
        if cursor == 0:
            context.stream.set_bookmark(name, None)
            return True
        if time.monotonic() > deadline:
            context.stream.set_bookmark(name, str(cursor))
            return False


def has_streams(context: IngestContext, run_id: str) -> bool:
    """Return whether a run has any stream."""
    cursor = 0
    while True:
        cursor, page = context.stream.scan_episodes(cursor, run_id=run_id)
        if page or cursor == 0:
            return bool(page)
