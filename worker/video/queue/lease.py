"""Keeps the lease of a video while its sound is made and its segments are joined."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from recorder.catalog import Catalog, VideoRow
from recorder.errors import CatalogError

__all__ = ["VideoLease"]

logger = logging.getLogger(__name__)


class VideoLease:
    """Renews a lease from a thread, as a context manager. A voice may take minutes for a long video.

    Args:
        row: as ``start_video`` returned it.
        now: returns the time.
    """

    def __init__(self, catalog: Catalog, row: VideoRow, *, lease_secs: float, now: Callable[[], datetime]) -> None:
        self._catalog, self._row, self._secs, self._now = catalog, row, lease_secs, now
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease of video {row.video_id}", daemon=True)

    def __enter__(self) -> VideoLease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._is_done.wait(self._secs / 3):
            try:
                if not self._catalog.extend_video(self._row, now=self._now(), lease_secs=self._secs):
                    return  # it was cancelled, or another worker has it
            except CatalogError as error:
                logger.warning("video_id=%s: can't renew the lease: %s", self._row.video_id, error)
