"""Joins the segments of a video, and adds its sound and its captions."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.catalog import Catalog, VideoRow
from recorder.errors import RecordingNotFoundError
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.request import captions_path
from recorder.video.sound_choices import burns_narration
from worker.video.encoding.encoder import join_segments
from worker.video.files.video_files import video_name
from worker.video.narration.captions import captions_text
from worker.video.narration.narration import Narration
from worker.video.queue.context import RenderContext, fail_video, opened
from worker.video.queue.lease import VideoLease
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.soundtrack import soundtrack
from worker.video.texts.chapters import chapter_file

__all__ = ["join_video"]

logger = logging.getLogger(__name__)


def join_video(context: RenderContext, video_id: str) -> None:
    """Join the segments without encoding them again, add the sound, and mark the video as done."""
    catalog, limits = context.catalog, context.limits
    row = catalog.start_video(
        video_id, now=context.now(), lease_secs=limits.lease_secs, max_attempts=limits.max_attempts
    )
    if row is None or row.state != "joining":
        return
    try:
        episode, options = opened(context, row)
        segments = catalog.list_segments(video_id)
        name = video_name(row, options.suffix)
        segment_names = [context.videos.segment_name(video_id, segment.file_path or "") for segment in segments]
        timeline = timeline_of(episode, options)
        with (
            VideoLease(catalog, row, lease_secs=limits.lease_secs, now=context.now),
            chapter_file(episode, timeline, enabled=options.chapters) as chapters,
            _kept_narration(context, video_id, options) as kept,
            soundtrack(
                EpisodeProgramme(episode, timeline, agent=options.agent),
                options,
                options.suffix,
                context.studio,
                kept=kept,
            ) as sound,
            context.videos.reading(segment_names) as paths,
            context.videos.writing(name) as path,
        ):
            size = join_segments(paths, path, n_frames=row.n_frames_total, chapters=chapters, soundtrack=sound.path())
        _store_captions(context, row, name, sound.narration())
    except Exception as error:  # noqa: BLE001 - any error is stored for the person who asked
        fail_video(context, row, error)
        return
    noted = catalog.finish_video(video_id, file_path=name, file_size_bytes=size, at=context.now())
    if not noted and not _is_wanted(catalog, video_id):
        for stored in filter(None, (name, captions_path(row.options, name))):
            context.videos.delete(stored)
    context.videos.clear_segments(video_id)


@contextmanager
def _kept_narration(context: RenderContext, video_id: str, options: VideoOptions) -> Iterator[Path | None]:
    """Yield the file with the narration that the frames show; None if they show none."""
    if not burns_narration(options.narrate, options.captions):
        yield None
        return
    with context.videos.reading([context.videos.narration_name(video_id)]) as (path,):
        yield path


def _store_captions(context: RenderContext, row: VideoRow, name: str, narration: Narration) -> None:
    for note in narration.notes:
        logger.warning("video_id=%s: %s", row.video_id, note)
    captions = captions_path(row.options, name)
    if captions is not None:
        with context.videos.writing(captions) as path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(captions_text(narration.cues(), path.suffix[1:]), encoding="utf-8")


def _is_wanted(catalog: Catalog, video_id: str) -> bool:
    try:
        return catalog.get_video(video_id).state != "cancelled"
    except RecordingNotFoundError:
        return False
