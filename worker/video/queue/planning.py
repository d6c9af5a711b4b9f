"""Finds open work and plans a video: cuts it into segments that several workers render, and speaks what its frames show."""

from __future__ import annotations

import math
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

from recorder.catalog import VideoRow
from recorder.errors import RecordingNotFoundError
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import burns_narration
from worker.video.episode.restored import restored_pictures
from worker.video.files.video_files import delete_stale_videos, work_folder
from worker.video.narration.kept import keep_narration
from worker.video.narration.narration import narrate
from worker.video.queue.context import RenderContext, fail_video, opened
from worker.video.queue.joining import join_video
from worker.video.queue.lease import VideoLease
from worker.video.sound.programmes.episode import EpisodeProgramme

__all__ = ["begin_video", "cut", "enqueue_segments", "sweep_videos"]


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
            episode, options = opened(context, started)
            timeline = timeline_of(episode, options)
            if burns_narration(options.narrate, options.captions) and not _speak(
                context, started, options, EpisodeProgramme(episode, timeline, agent=options.agent)
            ):
                return  # another worker plans it
            spans = cut(
                timeline.n_frames,
                width=options.width,
                height=options.height,
                fps=options.rate,
                keyframe_secs=options.encoder.keyframe_secs,
                whole=options.encoder.codec == "gif",
            )
            with restored_pictures(catalog, started.run_id, episode, options, context.studio.environments) as restored:
                note = restored.note if restored else None
            catalog.plan_segments(video_id, spans, note=note or None)
        except Exception as error:  # noqa: BLE001 - any error is stored for the person who asked
            fail_video(context, started, error)
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


def _speak(context: RenderContext, row: VideoRow, options: VideoOptions, programme: EpisodeProgramme) -> bool:
    """Keep the narration for the workers that write its sentences into their segments, and for the one that joins them. A
    voice does not speak twice equally long.

    Returns:
        False if the video was cancelled, or another worker has it.
    """
    catalog, secs = context.catalog, context.limits.lease_secs
    with VideoLease(catalog, row, lease_secs=secs, now=context.now), work_folder() as folder:
        narration = narrate(programme.script(), options, context.studio, seed=programme.seed, folder=folder)
        if not catalog.extend_video(row, now=context.now(), lease_secs=secs):
            return False
        with context.videos.writing(context.videos.narration_name(row.video_id)) as path:
            keep_narration(narration, path)
    return True


PIXELS_A_SEGMENT = 2**30
"""About 500 frames of 1920x1080: half a minute on one slow core, far below the time limit of a task."""


def cut(
    n_frames: int, *, width: int, height: int, fps: Fraction, keyframe_secs: float, whole: bool
) -> list[tuple[int, int]]:
    """Return first frame and number of frames of each segment; together they cover every frame once, in order.

    All but the last consist of whole groups of pictures, so the joined video has its key frames where a video made at
    once has them. They differ by at most one group, so that workers finish at the same time.

    Args:
        whole: return one segment, because the format can't be joined.
    """
    if whole:
        return [(0, n_frames)]
    group = max(1, round(keyframe_secs * fps))
    wanted = max(1, PIXELS_A_SEGMENT // (width * height))
    n_groups = math.ceil(n_frames / group)
    n_segments = math.ceil(n_groups / math.ceil(wanted / group))
    edges = [min(n_frames, i * n_groups // n_segments * group) for i in range(n_segments + 1)]
    return [(start, end - start) for start, end in pairwise(edges)]


_UNFINISHED_SECS = 3600.0
"""Age at which a temporary file cannot be in use any more."""


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
