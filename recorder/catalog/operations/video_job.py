"""Operations on ``videos`` for render workers: claim, start, finish, fail."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select, update

from recorder.catalog.base import CatalogBase, write_transaction
from recorder.catalog.models import videos
from recorder.catalog.operations.videos import fetch_video, is_unfinished
from recorder.catalog.operations.write_job import MAX_ATTEMPTS, NO_ANSWER
from recorder.catalog.video_rows import VideoRow

__all__ = ["VideoJobOperations"]


class VideoJobOperations(CatalogBase):
    """Videos, as render workers use them."""

    @write_transaction
    def claim_videos(self, *, now: datetime, lease_secs: float, limit: int) -> list[VideoRow]:
        """Lease unfinished videos that no worker renders, by ``turn``, then oldest first.

        They include videos in state ``joining`` whose worker died after the last segment.
        """
        query = (
            select(videos.c.video_id)
            .where(
                is_unfinished,
                or_(videos.c.leased_until.is_(None), videos.c.leased_until <= now),
                or_(videos.c.not_before.is_(None), videos.c.not_before <= now),
            )
            .order_by(videos.c.turn, videos.c.created_at, videos.c.video_id)
            .limit(limit)
        )
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                query = query.with_for_update(skip_locked=True)
            ids = list(connection.execute(query).scalars())
            lease = update(videos).where(videos.c.video_id.in_(ids))
            connection.execute(lease.values(leased_until=now + timedelta(seconds=lease_secs)))
            return [fetch_video(connection, video_id) for video_id in ids]

    @write_transaction
    def start_video(
        self, video_id: str, *, now: datetime, lease_secs: float, max_attempts: int = MAX_ATTEMPTS
    ) -> VideoRow | None:
        """Count an attempt and start to render, or to join if all segments are done.

        Returns:
            None if the video is finished or cancelled, or if its attempts are used up; then it becomes ``failed``.
        """
        this = and_(videos.c.video_id == video_id, is_unfinished)
        with self._writing() as connection:
            connection.execute(
                update(videos)
                .where(this, videos.c.attempts >= max_attempts)
                .values(
                    state="failed", leased_until=None, finished_at=now, error=func.coalesce(videos.c.error, NO_ANSWER)
                )
            )
            started = connection.execute(
                update(videos)
                .where(this)
                .values(
                    state=case((videos.c.state == "queued", "rendering"), else_=videos.c.state),
                    attempts=videos.c.attempts + 1,
                    started_at=now,
                    leased_until=now + timedelta(seconds=lease_secs),
                )
            )
            return fetch_video(connection, video_id) if started.rowcount else None

    @write_transaction
    def extend_video(self, video: VideoRow, *, now: datetime, lease_secs: float) -> bool:
        """Renew the lease of a video that is being joined.

        Args:
            video: from ``start_video``; its attempt identifies the worker.

        Returns:
            False if the video was cancelled, finished or deleted, or another worker has it.
        """
        this = and_(videos.c.video_id == video.video_id, is_unfinished, videos.c.attempts == video.attempts)
        with self._writing() as connection:
            values = {"leased_until": now + timedelta(seconds=lease_secs)}
            return connection.execute(update(videos).where(this).values(**values)).rowcount > 0

    @write_transaction
    def finish_video(self, video_id: str, *, file_path: str, file_size_bytes: int, at: datetime) -> bool:
        """Mark the video as done. Returns False if it was cancelled or finished before."""
        values = {
            "state": "done",
            "n_frames_done": videos.c.n_frames_total,
            "file_path": file_path,
            "file_size_bytes": file_size_bytes,
            "finished_at": at,
            "leased_until": None,
            "error": None,
        }
        with self._writing() as connection:
            this = and_(videos.c.video_id == video_id, is_unfinished)
            return connection.execute(update(videos).where(this).values(**values)).rowcount > 0

    @write_transaction
    def fail_video(
        self, video_id: str, error: str, *, at: datetime, not_before: datetime, max_attempts: int = MAX_ATTEMPTS
    ) -> VideoRow:
        """Record a failed attempt: retry from ``not_before`` on, or fail after the last attempt.

        Raises:
            RecordingNotFoundError: no such video.
        """
        exhausted = videos.c.attempts >= max_attempts
        with self._writing() as connection:
            connection.execute(
                update(videos)
                .where(videos.c.video_id == video_id, is_unfinished)
                .values(
                    state=case((exhausted, "failed"), else_=videos.c.state),
                    finished_at=case((exhausted, at), else_=None),
                    error=error,
                    not_before=not_before,
                    leased_until=None,
                )
            )
            return fetch_video(connection, video_id)
