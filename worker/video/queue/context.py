"""What the functions of the queue work on, and how they store a failure."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from recorder.catalog import Catalog, VideoRow
from recorder.episode_file import Episode
from recorder.errors import RecorderError, UsageError
from recorder.recordings.find import open_checked_recording
from recorder.runtime.python_versions import UTC
from recorder.storage import Storage
from recorder.video.options import VideoOptions
from recorder.video.request import content_hash_of_request, options_of_request
from worker.video.files.video_files import VideoFiles
from worker.video.sound.studio import Studio

__all__ = ["RenderContext", "RenderLimits", "fail_video", "failure_text", "if_unexpected", "opened"]

logger = logging.getLogger(__name__)


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


def opened(context: RenderContext, row: VideoRow) -> tuple[Episode, VideoOptions]:
    """Return the recording of a video and its options.

    Raises:
        UsageError: the recording is of another play than the request.
        RecordingNotFoundError, StorageError, EpisodeFileError: it can't be read.
    """
    options = options_of_request(row.options)
    recording, episode = open_checked_recording(context.catalog, context.storage, row.run_id, row.episode_id)
    if recording.content_hash != content_hash_of_request(row.options):
        raise UsageError(
            f"episode {row.episode_id} of run {row.run_id!r} was played again after the request: request the video again"
        )
    return episode, options


def fail_video(context: RenderContext, row: VideoRow, error: Exception) -> None:
    """Store a failed attempt to plan or join a video."""
    logger.error("video_id=%s attempt=%d: %s", row.video_id, row.attempts, error, exc_info=if_unexpected(error))
    # An invalid request stays invalid.
    max_attempts = 0 if isinstance(error, UsageError) else context.limits.max_attempts
    again_at = context.now() + timedelta(seconds=context.limits.retry_secs)
    context.catalog.fail_video(
        row.video_id, failure_text(error), at=context.now(), not_before=again_at, max_attempts=max_attempts
    )


def failure_text(error: Exception) -> str:
    """Return a failure's text for the catalog; that of an unexpected error starts with its type."""
    return str(error) if isinstance(error, RecorderError) else f"{type(error).__name__}: {error}"


def if_unexpected(error: Exception) -> Exception | None:
    """Return the error if its traceback is needed to understand it."""
    return None if isinstance(error, RecorderError) else error
