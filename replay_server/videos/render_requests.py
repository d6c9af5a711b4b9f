"""Requests videos by writing rows in the catalog, where render workers find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from recorder.catalog import Catalog, RecordingRow, VideoBounds, VideoRow
from recorder.recordings.find import find_recording
from recorder.runtime.python_versions import UTC
from recorder.settings import Settings
from recorder.video.request import make_request

__all__ = ["RenderRequests"]


class RenderRequests:
    """Writes requests into the catalog.

    Args:
        catalog: opened for writing.
        settings: limits of a video's size.
        now: returns the time.
    """

    def __init__(
        self, catalog: Catalog, settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._catalog, self._now = catalog, now
        self._max_pixels = settings.render.max_pixels

    def ask(
        self,
        run_id: str | None,
        episode_id: int,
        choices: Mapping[str, Any],
        *,
        asked_by: str = "",
        bounds: VideoBounds | None = None,
    ) -> tuple[VideoRow, bool]:
        """Request a video.

        Args:
            run_id: None for the newest run that has a recording of the episode.
            choices: names from ``VIDEO_CHOICES``.
            asked_by: opaque id of the client; empty for a person at a command line.
            bounds: limits for waiting videos; None for none.

        Returns:
            The video, and whether this call created it; a failed or cancelled one starts again.

        Raises:
            UsageError: a choice is unknown or invalid.
            QuotaError: too many videos wait already.
            RecordingNotFoundError: there is no such recording.
            CatalogError: the catalog can't be written.
        """
        recording, request = self.checked(run_id, episode_id, choices)
        row, created = self._catalog.enqueue_video(
            recording.run_id, episode_id, request, at=self._now(), asked_by=asked_by, bounds=bounds
        )
        if not created and row.state in ("failed", "cancelled"):
            row = self._catalog.retry_video(row.video_id, asked_by=asked_by, bounds=bounds)
        return row, created

    def checked(
        self, run_id: str | None, episode_id: int, choices: Mapping[str, Any]
    ) -> tuple[RecordingRow, dict[str, Any]]:
        """Return the recording and the checked request, without requesting anything.

        Raises:
            UsageError, RecordingNotFoundError, CatalogError: as ``ask``.
        """
        recording = find_recording(self._catalog, run_id, episode_id)
        return recording, make_request(
            recording.content_hash, choices, n_steps=recording.n_steps, max_pixels=self._max_pixels
        )
