"""Asking for videos: a row in the catalog, and a task by name for the workers, which this package doesn't import."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from recorder.catalog import Catalog, VideoRow
from recorder.recordings import find_recording
from recorder.settings import Settings
from recorder.urls import celery_broker_url
from recorder.video.wish import RENDER_QUEUE, RENDER_TASK, make_wish

__all__ = ["RenderRequests"]

_log = logging.getLogger(__name__)

_SEND_TIMEOUT_SECS = 2.0


class RenderRequests:
    """Puts wishes into the catalog and tells the workers.

    The row is what counts: when no server is known, or it can't be reached, the render workers' own look-out finds the row.

    Args:
        catalog: opened for writing.
        settings: where the broker is, and how its keys begin.
        redis_url: the server, or None when none is known.
        now: the time.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        *,
        redis_url: str | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._catalog, self._now = catalog, now
        self._broker_url = settings.redis.broker_url or redis_url
        self._key_prefix = settings.redis.key_prefix

    def ask(self, run_id: str | None, episode_id: int, choices: Mapping[str, Any]) -> tuple[VideoRow, bool]:
        """Ask for a video.

        Args:
            run_id: None takes the newest run that has a recording of the episode.
            choices: names from ``VIDEO_CHOICES``.

        Returns:
            The video, and whether this call was the first to ask for it; a failed or cancelled one is begun again.

        Raises:
            UsageError: a choice is unknown or of a wrong type, or what is asked for can't be.
            RecordingNotFoundError: there is no such recording.
            CatalogError: the catalog can't be written.
        """
        recording = find_recording(self._catalog, run_id, episode_id)
        wish = make_wish(recording.content_hash, choices, n_steps=recording.n_steps)
        row, created = self._catalog.enqueue_video(recording.run_id, episode_id, wish, at=self._now())
        if not created and row.state in ("failed", "cancelled"):
            row = self._catalog.retry_video(row.video_id)
        if row.state == "queued":
            self._tell_workers(row.video_id)
        return row, created

    def _tell_workers(self, video_id: str) -> None:
        if self._broker_url is None:
            return
        from celery import Celery  # lazy: a server that makes no videos needs none
        from kombu.exceptions import OperationalError

        with Celery("hamlet-requests", broker=celery_broker_url(self._broker_url), set_as_current=False) as app:
            app.conf.broker_transport_options = {
                "global_keyprefix": self._key_prefix,
                "socket_timeout": _SEND_TIMEOUT_SECS,
                "socket_connect_timeout": _SEND_TIMEOUT_SECS,
            }
            try:
                with app.connection_for_write() as connection:
                    app.send_task(
                        RENDER_TASK,
                        [video_id],
                        queue=RENDER_QUEUE,
                        connection=connection,
                        retry=False,
                        ignore_result=True,
                    )
            except (OperationalError, OSError) as error:
                _log.warning("video_id=%s: the workers could not be told, they will find it: %s", video_id, error)
