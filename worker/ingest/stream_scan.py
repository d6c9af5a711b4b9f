"""Scans the streams in Redis, page by page and for a limited time, and continues where the last scan stopped.

The position is stored in Redis, so any worker can continue. A million streams take a few sweeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from recorder.step_stream import Play
from worker.ingest.context import IngestContext

__all__ = ["continue_scan", "has_streams", "is_scan_running"]

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
