"""The Celery tasks of rendering, each of which takes ids and calls one function, and the timer that looks for open
work."""

from __future__ import annotations

import logging
import os
from bisect import bisect_left
from typing import Any

from celery import Celery, bootsteps

from recorder.catalog import Catalog
from recorder.catalog.operations.video_segments import SEGMENTS_A_TURN
from recorder.errors import RecorderError, RecordingNotFoundError
from recorder.installation.membership import Membership
from recorder.redis_server.status import QUEUE_PRIORITIES
from recorder.storage import open_recordings, open_videos
from recorder.video.request import RENDER_QUEUE, RENDER_TASK
from worker.process import WorkerProcess
from worker.video.files.video_files import video_files
from worker.video.queue.context import RenderContext, RenderLimits
from worker.video.queue.planning import begin_video, sweep_videos
from worker.video.queue.rendering import render_segment
from worker.video.sound.studio import studio_of

__all__ = ["RENDER_SEGMENT", "SWEEP_VIDEOS", "register"]

_log = logging.getLogger(__name__)

RENDER_SEGMENT = "hamlet.render_segment"
SWEEP_VIDEOS = "hamlet.sweep_videos"

_SWEEP_SECS = 1.0
_THOROUGH_SWEEP_SECS = 600.0
_STALE_SECS = 60.0
"""A sweep that waited for this long is dropped: later ones have been requested."""

_VOICE_SECS = 60.0
"""Longest time for the speech of one video, well within the time limit of a task."""

_LAST_PLACES = (0, 2, 9)
"""Each priority but the lowest is for one client's videos up to this position in that client's queue."""


def register(app: Celery, process: WorkerProcess) -> None:
    """Register the tasks of rendering.

    A failure is stored in the catalog, or logged if the catalog fails. The sweep finds what was not done.
    """
    renderer = _Renderer(app, process)

    @app.task(name=RENDER_TASK, shared=False)  # type: ignore[untyped-decorator]
    def render_video(video_id: str) -> None:
        renderer.run("video_id=%s", video_id, lambda context: begin_video(context, video_id))

    @app.task(name=RENDER_SEGMENT, shared=False)  # type: ignore[untyped-decorator]
    def segment(video_id: str, segment_index: int, lease: str) -> None:
        renderer.run("video_id=%s", video_id, lambda context: render_segment(context, video_id, segment_index, lease))

    @app.task(name=SWEEP_VIDEOS, shared=False)  # type: ignore[untyped-decorator]
    def sweep() -> None:
        renderer.run("%s", "sweep", lambda context: sweep_videos(context, is_thorough=is_time_for_thorough_sweep()))

    def is_time_for_thorough_sweep() -> bool:
        return process.stream().try_lock("thorough-sweep-videos", secs=_THOROUGH_SWEEP_SECS)

    app.steps["worker"].add(RenderPoller)


class _Renderer:
    """Runs a function with this process's context."""

    def __init__(self, app: Celery, process: WorkerProcess) -> None:
        self._app, self._process = app, process
        self._pid = 0
        self._context: RenderContext | None = None
        self._membership: Membership | None = None

    def run(self, words: str, name: str, function: Any) -> None:
        try:
            function(self._context_of_process())
        except RecorderError as error:
            _log.error(words + ": will try again: %s", name, error)

    def _context_of_process(self) -> RenderContext:
        if self._context is None or self._pid != os.getpid():
            settings = self._process.settings
            self._pid = os.getpid()
            catalog = Catalog.open(settings.catalog_url)
            self._membership = self._process.join(catalog, writes_folder=False)
            self._context = RenderContext(
                catalog=catalog,
                storage=open_recordings(settings),
                videos=video_files(open_videos(settings)),
                send_segment=self._send_segment,
                send_video=self._send_video,
                limits=RenderLimits(
                    lease_secs=settings.render.lease_secs, encoder_threads=settings.render.encoder_threads
                ),
                studio=studio_of(settings.render, voice_secs=_VOICE_SECS),
            )
        if self._membership is not None:
            self._membership.confirm()
        return self._context

    def _send_segment(self, video_id: str, segment_index: int, lease: str) -> None:
        self._app.send_task(
            RENDER_SEGMENT,
            [video_id, segment_index, lease],
            queue=RENDER_QUEUE,
            priority=self._priority(video_id, segment_index),
        )

    def _send_video(self, video_id: str) -> None:
        self._app.send_task(RENDER_TASK, [video_id], queue=RENDER_QUEUE, priority=self._priority(video_id, 0))

    def _priority(self, video_id: str, segment_index: int) -> int:
        """Return the list of the queue in which a task waits, 0 first, so that one client's many videos do not delay
        others'."""
        try:
            turn = self._context_of_process().catalog.get_video(video_id).turn
        except RecordingNotFoundError:  # deleted since it was claimed: the task will find nothing to do
            return QUEUE_PRIORITIES[-1]
        return QUEUE_PRIORITIES[bisect_left(_LAST_PLACES, turn + segment_index // SEGMENTS_A_TURN)]


class RenderPoller(bootsteps.StartStopStep):  # type: ignore[misc]
    """Requests a sweep from time to time, on the timer of a worker that renders. A lock lets one worker do it for
    all."""

    requires = frozenset(["celery.worker.components:Timer"])

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._timer_entry: Any = None

    def start(self, worker: Any) -> None:
        """Start."""
        if RENDER_QUEUE not in worker.app.amqp.queues.consume_from:
            return
        process = worker.app.hamlet

        def look() -> None:
            try:
                process.check_owner()
                if process.stream().try_lock("sweep-videos", secs=0.9 * _SWEEP_SECS):
                    worker.app.send_task(SWEEP_VIDEOS, queue=RENDER_QUEUE, expires=_STALE_SECS)
            except RecorderError as error:
                _log.error("look-out: %s", error)

        self._timer_entry = worker.timer.call_repeatedly(_SWEEP_SECS, look)

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - the step's interface
        """Stop."""
        if self._timer_entry is not None:
            self._timer_entry.cancel()
            self._timer_entry = None
