"""Videos on demand, shared by any number of workers: plan, render a segment, join, sweep. Plain functions for the
tasks.

Each may run twice, at once or after a crash. Segments and videos are written atomically, and the catalog counts each
once. ``sweep_videos`` finds the work of a killed worker when its lease has expired.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from recorder.catalog import Catalog, SegmentRow, VideoRow
from recorder.episode_file import Episode
from recorder.errors import RecorderError, RecordingNotFoundError, UsageError
from recorder.python_versions import UTC
from recorder.recordings.find import open_checked_recording
from recorder.storage import Storage
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.request import captions_path, content_hash_of_request, options_of_request
from worker.video.chapters import chapter_file
from worker.video.encoder import join_segments
from worker.video.export import renderer_in_run
from worker.video.frame_loop import VideoStoppedError, make_video
from worker.video.lease import VideoLease
from worker.video.narration.captions import captions_text
from worker.video.narration.narration import Narration
from worker.video.segments import cut
from worker.video.sound.programme import EpisodeProgramme
from worker.video.sound.soundtrack import soundtrack
from worker.video.sound.studio import Studio
from worker.video.video_files import VideoFiles, delete_stale_videos, video_name

__all__ = ["RenderContext", "RenderLimits", "begin_video", "join_video", "render_segment", "sweep_videos"]

logger = logging.getLogger(__name__)

_UNFINISHED_SECS = 3600.0
"""Age at which a temporary file cannot be in use any more."""


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """Limits of the work.

    Args:
        lease_secs: lease of a segment, or of a video to plan or join. Progress renews a segment's lease; planning and
            joining take less time.
        max_attempts: failures after which a video is parked.
        retry_secs: pause before a failed plan or join is tried again.
        report_secs: interval at which progress is stored and the lease renewed.
        batch: videos and segments that one sweep hands out.
        encoder_threads: for one segment; 0 for all cores.
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
        videos: the files, which all render workers and the replay server can reach.
        send_segment: sends a segment to a worker: video id, index, lease.
        send_video: sends a video to a worker, to be planned or joined.
        studio: what this machine has for sound.
    """

    catalog: Catalog
    storage: Storage
    videos: VideoFiles
    send_segment: Callable[[str, int, str], None]
    send_video: Callable[[str], None]
    limits: RenderLimits = field(default_factory=RenderLimits)
    studio: Studio = field(default_factory=Studio)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def begin_video(context: RenderContext, video_id: str) -> None:
    """Plan a video and send its segments; join it when all are done. Does nothing if it is finished or cancelled."""
    catalog, limits = context.catalog, context.limits
    try:
        row = catalog.get_video(video_id)
    except RecordingNotFoundError:
        return  # it was deleted since it was requested
    if row.state == "joining":
        join_video(context, video_id)
        return
    if row.state not in ("queued", "rendering"):
        return
    # A repeated message finds the plan: it sends segments that no worker has leased, and does not count as an attempt.
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
        except Exception as error:  # noqa: BLE001 - any error is stored for the person who asked
            _fail(context, started, error)
            return
    enqueue_segments(context)


def enqueue_segments(context: RenderContext) -> int:
    """Send a task for each segment that no worker has leased.

    Returns:
        The number of tasks.
    """
    limits, now = context.limits, context.now()
    segments = context.catalog.claim_segments(now=now, lease_secs=limits.lease_secs, limit=limits.batch)
    lease = (now + timedelta(seconds=limits.lease_secs)).isoformat()
    for segment in segments:
        context.send_segment(segment.video_id, segment.segment_index, lease)
    return len(segments)


def render_segment(context: RenderContext, video_id: str, segment_index: int, lease: str) -> None:
    """Render one segment; the last one to finish joins the video. Does nothing if another worker renders it or it is
    done.

    Args:
        lease: end of the lease under which it was sent. Once a worker has begun, the lease has another end.
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
        name = _render(context, row, segment)
    except VideoStoppedError:
        logger.info(
            "video_id=%s segment=%d: stopped: it was cancelled, or another worker has it", video_id, segment_index
        )
        if not _is_being_made(catalog, video_id):
            context.videos.clear_segments(video_id)
        return
    except Exception as error:
        logger.error("video_id=%s segment=%d: %s", video_id, segment_index, error, exc_info=_if_unexpected(error))
        catalog.fail_segment(video_id, segment_index, _failure_text(error))
        return
    try:
        progress = catalog.finish_segment(video_id, segment_index, file_path=name)
    except RecordingNotFoundError:  # deleted since the last report
        context.videos.clear_segments(video_id)
        return
    if progress.was_last:
        join_video(context, video_id)


def join_video(context: RenderContext, video_id: str) -> None:
    """Join the segments without encoding them again, add the sound, and mark the video as done."""
    catalog, limits = context.catalog, context.limits
    row = catalog.start_video(
        video_id, now=context.now(), lease_secs=limits.lease_secs, max_attempts=limits.max_attempts
    )
    if row is None or row.state != "joining":
        return
    try:
        episode, options = _open(context, row)
        segments = catalog.list_segments(video_id)
        name = video_name(row, options.suffix)
        segment_names = [context.videos.segment_name(video_id, segment.file_path or "") for segment in segments]
        timeline = timeline_of(episode, options)
        with (
            VideoLease(catalog, row, lease_secs=limits.lease_secs, now=context.now),
            chapter_file(episode, timeline, enabled=options.chapters) as chapters,
            soundtrack(EpisodeProgramme(episode, timeline), options, options.suffix, context.studio) as sound,
            context.videos.reading(segment_names) as paths,
            context.videos.writing(name) as path,
        ):
            size = join_segments(paths, path, n_frames=row.n_frames_total, chapters=chapters, soundtrack=sound.path())
        _store_captions(context, row, name, sound.narration())
    except Exception as error:  # noqa: BLE001 - any error is stored for the person who asked
        _fail(context, row, error)
        return
    noted = catalog.finish_video(video_id, file_path=name, file_size_bytes=size, at=context.now())
    if not noted and not _is_wanted(catalog, video_id):
        for stored in filter(None, (name, captions_path(row.options, name))):
            context.videos.delete(stored)
    context.videos.clear_segments(video_id)


def _store_captions(context: RenderContext, row: VideoRow, name: str, narration: Narration) -> None:
    for note in narration.notes:
        logger.warning("video_id=%s: %s", row.video_id, note)
    captions = captions_path(row.options, name)
    if captions is not None:
        with context.videos.writing(captions) as path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(captions_text(narration.cues(), path.suffix[1:]), encoding="utf-8")


def sweep_videos(context: RenderContext, *, is_thorough: bool = False) -> int:
    """Send whatever no worker has leased: new requests, and the work of dead workers. Delete outdated videos.

    Args:
        is_thorough: also search the folder of videos for temporary files of killed workers.

    Returns:
        The number of tasks sent.
    """
    limits = context.limits
    delete_stale_videos(context.catalog, context.videos, limit=limits.batch)
    if is_thorough:
        context.videos.delete_unfinished(older_than_secs=max(_UNFINISHED_SECS, limits.lease_secs))
    rows = context.catalog.claim_videos(now=context.now(), lease_secs=limits.lease_secs, limit=limits.batch)
    for row in rows:
        context.send_video(row.video_id)
    return len(rows) + enqueue_segments(context)


def _is_being_rendered(segment: SegmentRow, lease: str, now: datetime) -> bool:
    until = segment.leased_until
    return segment.state == "rendering" and until is not None and until > now and until.isoformat() != lease


def _is_being_made(catalog: Catalog, video_id: str) -> bool:
    try:
        return catalog.get_video(video_id).state in ("rendering", "joining")
    except RecordingNotFoundError:
        return False


def _is_wanted(catalog: Catalog, video_id: str) -> bool:
    try:
        return catalog.get_video(video_id).state != "cancelled"
    except RecordingNotFoundError:
        return False


def _render(context: RenderContext, row: VideoRow, segment: SegmentRow) -> str:
    episode, options = _open(context, row)
    options = replace(options, encoder=replace(options.encoder, n_threads=context.limits.encoder_threads))
    name = f"{segment.segment_index:05d}{options.suffix}"
    report = _Reporter(context, segment)
    frames = range(segment.first_frame, segment.first_frame + segment.n_frames)
    with context.videos.writing(context.videos.segment_name(row.video_id, name)) as path:
        renderer = renderer_in_run(context.catalog, row.run_id, episode, options)
        make_video(renderer, path, options, frames=frames, on_frame=report)
    return name


class _Reporter:
    """Stores progress from time to time, and finds out whether this worker should still render the segment.

    The last frame is always reported, so a worker that has lost its lease never renames its file.
    """

    def __init__(self, context: RenderContext, segment: SegmentRow) -> None:
        self._context, self._segment, self._n_reported = context, segment, 0
        self._next_at = time.monotonic()

    def __call__(self, n_done: int) -> bool:
        if time.monotonic() < self._next_at and n_done < self._segment.n_frames:
            return True
        context, limits = self._context, self._context.limits
        self._next_at = time.monotonic() + min(limits.report_secs, limits.lease_secs / 3)
        held = context.catalog.report_segment(
            self._segment, n_new_frames=n_done - self._n_reported, now=context.now(), lease_secs=limits.lease_secs
        )
        if held is None:
            return False
        self._segment, self._n_reported = held, n_done
        return True


def _open(context: RenderContext, row: VideoRow) -> tuple[Episode, VideoOptions]:
    options = options_of_request(row.options)
    recording, episode = open_checked_recording(context.catalog, context.storage, row.run_id, row.episode_id)
    if recording.content_hash != content_hash_of_request(row.options):
        raise UsageError(
            f"episode {row.episode_id} of run {row.run_id!r} was played again after the request: request the video again"
        )
    return episode, options


def _fail(context: RenderContext, row: VideoRow, error: Exception) -> None:
    logger.error("video_id=%s attempt=%d: %s", row.video_id, row.attempts, error, exc_info=_if_unexpected(error))
    # An invalid request stays invalid.
    max_attempts = 0 if isinstance(error, UsageError) else context.limits.max_attempts
    again_at = context.now() + timedelta(seconds=context.limits.retry_secs)
    context.catalog.fail_video(
        row.video_id, _failure_text(error), at=context.now(), not_before=again_at, max_attempts=max_attempts
    )


def _failure_text(error: Exception) -> str:
    """Return a failure's text for the catalog; that of an unexpected error starts with its type."""
    return str(error) if isinstance(error, RecorderError) else f"{type(error).__name__}: {error}"


def _if_unexpected(error: Exception) -> Exception | None:
    """Return the error if its traceback is needed to understand it."""
    return None if isinstance(error, RecorderError) else error
