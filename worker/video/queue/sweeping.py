"""Finds open work: new requests, and what dead workers have left."""

from __future__ import annotations

from worker.video.files.video_files import delete_stale_videos
from worker.video.queue.context import RenderContext
from worker.video.queue.planning import enqueue_segments

__all__ = ["sweep_videos"]

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
