"""A walk through the streams of a server, a page at a time and only for a while; it goes on where it stopped.

How far it has come lies on the server, so that any worker goes on with it. A million streams are walked through in a few sweeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from recorder.step_stream import Play
from worker.ingest.context import IngestContext

__all__ = ["has_streams", "is_under_way", "walk_on"]

Page = Mapping[str, Sequence[Play]]


def is_under_way(context: IngestContext, name: str) -> bool:
    """Whether a walk was begun and has not come to its end."""
    return context.stream.bookmark(name) is not None


def walk_on(
    context: IngestContext, name: str, look: Callable[[Page], object], *, secs: float, run_id: str | None = None
) -> bool:
    """Go on with a walk, or begin it.

    Args:
        name: of the walk.
        look: is shown each page: by run, the first play in each stream.
        secs: begin no page after so long.
        run_id: walk through this run's streams only.

    Returns:
        Whether it has come to its end; the next one begins anew.

    Raises:
        StreamUnavailableError: and whatever ``look`` raises; the page at hand is seen again.
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
    """Whether a run has any stream."""
    cursor = 0
    while True:
        cursor, page = context.stream.scan_episodes(cursor, run_id=run_id)
        if page or cursor == 0:
            return bool(page)
