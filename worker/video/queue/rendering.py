"""Renders one segment of a video."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime

from recorder.catalog import Catalog, SegmentRow, VideoRow
from recorder.errors import RecordingNotFoundError
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import burns_narration
from worker.video.cards.subtitles import Subtitled
from worker.video.encoding.frame_loop import FrameSource, VideoStoppedError, make_video
from worker.video.episode.restored import restored_pictures
from worker.video.in_run import renderer_in_run
from worker.video.narration.kept import kept_cues
from worker.video.queue.context import RenderContext, failure_text, if_unexpected, opened
from worker.video.queue.joining import join_video

__all__ = ["render_segment"]

logger = logging.getLogger(__name__)


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
        logger.error("video_id=%s segment=%d: %s", video_id, segment_index, error, exc_info=if_unexpected(error))
        catalog.fail_segment(video_id, segment_index, failure_text(error))
        return
    try:
        progress = catalog.finish_segment(video_id, segment_index, file_path=name)
    except RecordingNotFoundError:  # deleted since the last report
        context.videos.clear_segments(video_id)
        return
    if progress.was_last:
        join_video(context, video_id)


def _is_being_rendered(segment: SegmentRow, lease: str, now: datetime) -> bool:
    until = segment.leased_until
    return segment.state == "rendering" and until is not None and until > now and until.isoformat() != lease


def _is_being_made(catalog: Catalog, video_id: str) -> bool:
    try:
        return catalog.get_video(video_id).state in ("rendering", "joining")
    except RecordingNotFoundError:
        return False


def _render(context: RenderContext, row: VideoRow, segment: SegmentRow) -> str:
    episode, options = opened(context, row)
    options = replace(options, encoder=replace(options.encoder, n_threads=context.limits.encoder_threads))
    name = f"{segment.segment_index:05d}{options.suffix}"
    report = _Reporter(context, segment)
    frames = range(segment.first_frame, segment.first_frame + segment.n_frames)
    with (
        context.videos.writing(context.videos.segment_name(row.video_id, name)) as path,
        restored_pictures(context.catalog, row.run_id, episode, options, context.studio.environments) as restored,
    ):
        renderer = renderer_in_run(context.catalog, row.run_id, episode, options, drawn=restored)
        make_video(_subtitled(context, row, renderer, options), path, options, frames=frames, on_frame=report)
    return name


def _subtitled(context: RenderContext, row: VideoRow, source: FrameSource, options: VideoOptions) -> FrameSource:
    """Return the source with the sentences that the planning worker has spoken, if they are to be in the picture."""
    if not burns_narration(options.narrate, options.captions):
        return source
    with context.videos.reading([context.videos.narration_name(row.video_id)]) as (path,):
        return Subtitled(source, kept_cues(path), fps=options.rate, style=options.style)


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
