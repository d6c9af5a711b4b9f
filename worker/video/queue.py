"""Videos on demand, shared by any number of workers: plan, render a segment, join, sweep. Plain functions; tasks are thin.

Everything may run twice, at the same time or after a crash: segments and videos are written under their own names, whole or
not at all, and the catalog counts each once. What a worker leaves behind when it is killed is found by ``sweep_videos``
when its lease has run out.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recorder.catalog import Catalog, SegmentRow, VideoRow
from recorder.episode_file import Episode
from recorder.errors import RecorderError, RecordingNotFoundError, UsageError
from recorder.recordings import open_recording
from recorder.storage import Storage, episode_path
from recorder.video_wish import choices_of_wish
from worker.video.chapters import chapter_file
from worker.video.encoder import join_segments
from worker.video.export import learning_points, make_renderer, timeline_of
from worker.video.making import VideoStoppedError, make_video
from worker.video.options import VideoOptions
from worker.video.segments import cut

__all__ = ["RenderContext", "RenderLimits", "begin_video", "join_video", "render_segment", "sweep_videos"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """Bounds of the work.

    Args:
        lease_secs: how long a worker has a segment, or a video to plan or join, to itself; longer than rendering a segment.
        max_attempts: failures after which a video is parked.
        retry_secs: pause before a failed plan or join is tried again.
        report_secs: how often the progress is noted.
        batch: videos and segments handed out by one sweep.
        encoder_threads: of one segment; 0 is all of the machine's.
    """

    lease_secs: float = 180.0
    max_attempts: int = 3
    retry_secs: float = 5.0
    report_secs: float = 1.0
    batch: int = 256
    encoder_threads: int = 0


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What the functions work on.

    Args:
        videos_dir: folder for the videos, reached by all render workers and by the server.
        send_segment: hands a segment to some worker: video id, index, lease.
        send_video: hands a video to some worker, to be begun or joined.
    """

    catalog: Catalog
    storage: Storage
    videos_dir: Path
    send_segment: Callable[[str, int, str], None]
    send_video: Callable[[str], None]
    limits: RenderLimits = field(default_factory=RenderLimits)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def begin_video(context: RenderContext, video_id: str) -> None:
    """Plan a video and hand out its segments; join it when they are all done. Nothing when it is finished or cancelled."""
    catalog, limits = context.catalog, context.limits
    try:
        row = catalog.get_video(video_id)
    except RecordingNotFoundError:
        return  # it was deleted since it was asked for
    if row.state == "joining":
        join_video(context, video_id)
        return
    if row.state not in ("queued", "rendering"):
        return
    # A message that comes again finds the plan: it hands out what nobody works on, and costs no attempt.
    if row.state == "queued" or not row.n_segments_total:
        started = catalog.start_video(
            video_id, now=context.now(), lease_secs=limits.lease_secs, max_attempts=limits.max_attempts
        )
        if started is None:
            return
        try:
            episode, options = _open(context, started)
            spans = cut(
                timeline_of(episode, options).n_frames,
                width=options.width,
                height=options.height,
                fps=options.rate,
                keyframe_secs=options.encoder.keyframe_secs,
                whole=options.encoder.codec == "gif",
            )
            catalog.plan_segments(video_id, spans)
        except RecorderError as error:
            _fail(context, started, error)
            return
    hand_out_segments(context)


def hand_out_segments(context: RenderContext) -> int:
    """Send a task for each segment that nobody works on.

    Returns:
        How many were sent.
    """
    limits, now = context.limits, context.now()
    segments = context.catalog.claim_segments(now=now, lease_secs=limits.lease_secs, limit=limits.batch)
    lease = (now + timedelta(seconds=limits.lease_secs)).isoformat()
    for segment in segments:
        context.send_segment(segment.video_id, segment.segment_index, lease)
    return len(segments)


def render_segment(context: RenderContext, video_id: str, segment_index: int, lease: str) -> None:
    """Render one segment; whoever finishes the last one joins the video. Nothing when another worker is at it, or it is done.

    Args:
        lease: the end of the lease under which it was handed out: a worker that has begun holds another one.
    """
    catalog, limits = context.catalog, context.limits
    known = {row.segment_index: row for row in catalog.list_segments(video_id)}.get(segment_index)
    if known is None or _is_being_rendered(known, lease, context.now()):
        return
    segment = catalog.start_segment(
        video_id, segment_index, now=context.now(), lease_secs=limits.lease_secs, max_attempts=limits.max_attempts
    )
    if segment is None:
        return
    row = catalog.get_video(video_id)
    try:
        path = _render(context, row, segment)
    except VideoStoppedError:
        logger.info("video_id=%s segment=%d: stopped, the video was cancelled or finished", video_id, segment_index)
        _clear_segments(context, video_id)
        return
    except RecorderError as error:
        logger.error("video_id=%s segment=%d: %s", video_id, segment_index, error)
        catalog.fail_segment(video_id, segment_index, str(error))
        return
    progress = catalog.finish_segment(video_id, segment_index, file_path=path.name)
    if progress.was_last:
        join_video(context, video_id)


def join_video(context: RenderContext, video_id: str) -> None:
    """Put the segments together without encoding them again, and note that the video is there."""
    catalog, limits = context.catalog, context.limits
    row = catalog.start_video(
        video_id, now=context.now(), lease_secs=limits.lease_secs, max_attempts=limits.max_attempts
    )
    if row is None or row.state != "joining":
        return
    try:
        episode, options = _open(context, row)
        segments = catalog.list_segments(video_id)
        folder = _segments_dir(context, video_id)
        path = context.videos_dir / _file_name(row, options)
        with chapter_file(episode, timeline_of(episode, options), enabled=options.chapters) as chapters:
            paths = [folder / (segment.file_path or "") for segment in segments]
            size = join_segments(paths, path, n_frames=row.n_frames_total, chapters=chapters)
    except RecorderError as error:
        _fail(context, row, error)
        return
    name = path.relative_to(context.videos_dir).as_posix()
    noted = catalog.finish_video(video_id, file_path=name, file_size_bytes=size, at=context.now())
    if not noted and catalog.get_video(video_id).state == "cancelled":
        path.unlink(missing_ok=True)
    _clear_segments(context, video_id)


def sweep_videos(context: RenderContext) -> int:
    """Hand out whatever nobody works on: new wishes, and what a worker that died has left.

    Returns:
        How many tasks were sent.
    """
    limits = context.limits
    rows = context.catalog.claim_videos(now=context.now(), lease_secs=limits.lease_secs, limit=limits.batch)
    for row in rows:
        context.send_video(row.video_id)
    return len(rows) + hand_out_segments(context)


def _is_being_rendered(segment: SegmentRow, lease: str, now: datetime) -> bool:
    until = segment.leased_until
    return segment.state == "rendering" and until is not None and until > now and until.isoformat() != lease


def _render(context: RenderContext, row: VideoRow, segment: SegmentRow) -> Path:
    episode, options = _open(context, row)
    options = replace(options, encoder=replace(options.encoder, n_threads=context.limits.encoder_threads))
    curve = learning_points(context.catalog, row.run_id) if options.learning_curve else ()
    path = _segments_dir(context, row.video_id) / f"{segment.segment_index:05d}{options.suffix}"
    n_before = sum(other.n_frames for other in context.catalog.list_segments(row.video_id) if other.state == "done")
    report = _Reporter(context, row.video_id, n_before)
    frames = range(segment.first_frame, segment.first_frame + segment.n_frames)
    make_video(make_renderer(episode, options, learning_curve=curve), path, options, frames=frames, on_frame=report)
    return path


class _Reporter:
    """Notes the progress now and then, and learns whether the video is still wanted."""

    def __init__(self, context: RenderContext, video_id: str, n_before: int) -> None:
        self._context, self._video_id, self._n_before = context, video_id, n_before
        self._next_at = time.monotonic()

    def __call__(self, n_done: int) -> bool:
        if time.monotonic() < self._next_at:
            return True
        limits = self._context.limits
        self._next_at = time.monotonic() + limits.report_secs
        leased_until = self._context.now() + timedelta(seconds=limits.lease_secs)
        return self._context.catalog.report_video(
            self._video_id, n_frames_done=self._n_before + n_done, leased_until=leased_until
        )


def _open(context: RenderContext, row: VideoRow) -> tuple[Episode, VideoOptions]:
    options = VideoOptions.chosen(**choices_of_wish(row.options))
    options.check(options.suffix)
    _, episode = open_recording(context.catalog, context.storage, row.run_id, row.episode_id)
    return episode, options


def _fail(context: RenderContext, row: VideoRow, error: RecorderError) -> None:
    logger.error("video_id=%s attempt=%d: %s", row.video_id, row.attempts, error)
    # A wish that can't be will not become possible by waiting.
    max_attempts = 0 if isinstance(error, UsageError) else context.limits.max_attempts
    again_at = context.now() + timedelta(seconds=context.limits.retry_secs)
    context.catalog.fail_video(
        row.video_id, str(error), at=context.now(), not_before=again_at, max_attempts=max_attempts
    )


def _segments_dir(context: RenderContext, video_id: str) -> Path:
    return context.videos_dir / ".segments" / video_id


def _clear_segments(context: RenderContext, video_id: str) -> None:
    shutil.rmtree(_segments_dir(context, video_id), ignore_errors=True)


def _file_name(row: VideoRow, options: VideoOptions) -> str:
    folder, _, name = episode_path(row.run_id, row.episode_id, compression="none").rpartition("/")
    return f"{folder}/{name.removesuffix('.msgpack')}_{row.video_id[:12]}{options.suffix}"
