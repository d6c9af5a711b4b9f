"""Plans a video: cuts it into segments, and speaks what its frames show."""

from __future__ import annotations

from datetime import timedelta

from recorder.catalog import VideoRow
from recorder.errors import RecordingNotFoundError
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import burns_narration
from worker.video.episode.restored import restored_pictures
from worker.video.files.work_folder import work_folder
from worker.video.narration.kept import keep_narration
from worker.video.narration.narration import narrate
from worker.video.queue.context import RenderContext, fail_video, opened
from worker.video.queue.joining import join_video
from worker.video.queue.lease import VideoLease
from worker.video.queue.segments import cut
from worker.video.sound.programmes.episode import EpisodeProgramme

__all__ = ["begin_video", "enqueue_segments"]


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
