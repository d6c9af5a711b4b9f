"""Operations on ``videos``: requests for a video, and the job that makes it.

States: ``queued`` → ``rendering`` → ``joining`` → ``done``; ``failed`` when the attempts are used up; ``cancelled`` by
a person. A state that ends a video (done, failed, cancelled) is left by ``retry_video`` only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, case, delete, exists, func, literal, or_, select, type_coerce, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.models import recordings, video_segments, videos
from recorder.catalog.operations.runs import add_missing_run
from recorder.catalog.operations.write_job import MAX_ATTEMPTS, NO_ANSWER
from recorder.catalog.rows import VideoRow
from recorder.errors import QuotaError, RecordingNotFoundError

__all__ = ["VideoBounds", "VideoOperations", "fetch_video", "is_unfinished", "lock_video", "video_id_of"]

_RETRY_AFTER_SECS = 60.0
"""When one of the videos that wait may have been made."""

is_unfinished = videos.c.state.in_(["queued", "rendering", "joining"])


class VideoBounds(NamedTuple):
    """How many videos may wait: of one client, and of one run."""

    per_client: int
    per_run: int


class VideoOperations(CatalogBase):
    """Videos, from the request to the file."""

    @write_transaction
    def enqueue_video(
        self,
        run_id: str,
        episode_id: int,
        options: Mapping[str, Any],
        *,
        at: datetime,
        n_frames_total: int = 0,
        asked_by: str = "",
        bounds: VideoBounds | None = None,
    ) -> tuple[VideoRow, bool]:
        """Ask for a video of an episode.

        Args:
            options: everything that the picture depends on, the recording's content hash included; it is part of the
                ``video_id``.
            asked_by: an opaque name of the client that asks.
            bounds: of what may wait; None for none.

        Returns:
            The row, and True when this call made it, False when the same video was asked for before.

        Raises:
            QuotaError: the client, or the run, has as many videos that wait as it may have.
        """
        video_id = video_id_of(run_id, episode_id, options)
        values = {
            "video_id": video_id,
            "run_id": run_id,
            "episode_id": episode_id,
            "options": dict(options),
            "state": "queued",
            "n_frames_done": 0,
            "n_frames_total": n_frames_total,
            "n_segments_done": 0,
            "n_segments_total": 0,
            "attempts": 0,
            "created_at": at,
            "asked_by": asked_by,
        }
        with self._writing() as connection:
            known = connection.execute(select(videos).where(videos.c.video_id == video_id)).mappings().one_or_none()
            if known is not None:
                return VideoRow(**known), False
            values["turn"] = _next_turn(connection, run_id, asked_by, bounds)
            add_missing_run(connection, run_id, at=at)
            insert = insert_or(connection.dialect, videos, update={}).returning(videos.c.video_id)
            created = connection.execute(insert, values).first() is not None
            return fetch_video(connection, video_id), created

    def get_video(self, video_id: str) -> VideoRow:
        """One video.

        Raises:
            RecordingNotFoundError: there is no such video.
        """
        with self._reading() as connection:
            return fetch_video(connection, video_id)

    def list_videos(
        self,
        *,
        run: str | None = None,
        episode_id: int | None = None,
        state: str | None = None,
        limit: int | None = None,
    ) -> list[VideoRow]:
        """The videos that meet the filters, newest request first."""
        query = select(videos).order_by(videos.c.created_at.desc(), videos.c.video_id).limit(limit)
        for column, value in ((videos.c.run_id, run), (videos.c.episode_id, episode_id), (videos.c.state, state)):
            if value is not None:
                query = query.where(column == value)
        with self._reading() as connection:
            return [VideoRow(**row) for row in connection.execute(query).mappings()]

    def stale_videos(self, *, limit: int) -> list[VideoRow]:
        """Videos whose recording is not in the catalog any more, or is another play by now; oldest request first."""
        of_this_play = type_coerce(videos.c.options, Text).contains(
            literal('"content_hash":"', Text).concat(recordings.c.content_hash).concat('"')
        )
        recording = and_(
            recordings.c.run_id == videos.c.run_id, recordings.c.episode_id == videos.c.episode_id, of_this_play
        )
        query = (
            select(videos)
            .where(~exists().where(recording))
            .order_by(videos.c.created_at, videos.c.video_id)
            .limit(limit)
        )
        with self._reading() as connection:
            return [VideoRow(**row) for row in connection.execute(query).mappings()]

    @write_transaction
    def claim_videos(self, *, now: datetime, lease_secs: float, limit: int) -> list[VideoRow]:
        """Lease videos that are not finished and that nobody works on: each client's first one first, of these the oldest.

        Among them are those in state ``joining`` whose worker died after the last segment.
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
        """Count an attempt and begin to render, or to join when the segments are done.

        Returns:
            None when there is nothing to do: it is finished or cancelled, or its attempts are used up, and it has
            failed now.
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
    def finish_video(self, video_id: str, *, file_path: str, file_size_bytes: int, at: datetime) -> bool:
        """Note that the file is there; False when the video was cancelled or finished before."""
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
        """Note that an attempt failed: try again from ``not_before`` on, or give up when it was the last.

        Raises:
            RecordingNotFoundError: there is no such video.
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

    @write_transaction
    def cancel_video(self, video_id: str, *, at: datetime) -> bool:
        """Stop a video; its workers learn of it from their next report. False when it was finished already."""
        with self._writing() as connection:
            this = and_(videos.c.video_id == video_id, is_unfinished)
            values = {"state": "cancelled", "finished_at": at, "leased_until": None}
            return connection.execute(update(videos).where(this).values(**values)).rowcount > 0

    @write_transaction
    def retry_video(self, video_id: str, *, asked_by: str = "", bounds: VideoBounds | None = None) -> VideoRow:
        """Begin a failed or cancelled video again, from its first attempt on; of any other it changes nothing.

        Args:
            asked_by, bounds: as for ``enqueue_video``.

        Raises:
            RecordingNotFoundError: there is no such video.
            QuotaError: as ``enqueue_video``.
        """
        fresh = {
            "state": "queued",
            "attempts": 0,
            "n_frames_done": 0,
            "n_segments_done": 0,
            "n_segments_total": 0,
            "error": None,
            "started_at": None,
            "finished_at": None,
            "not_before": None,
            "leased_until": None,
        }
        with self._writing() as connection:
            row = fetch_video(connection, video_id)
            if row.state not in ("failed", "cancelled"):
                return row
            turn = _next_turn(connection, row.run_id, asked_by, bounds)
            this = and_(videos.c.video_id == video_id, videos.c.state.in_(["failed", "cancelled"]))
            if connection.execute(update(videos).where(this).values(**fresh, asked_by=asked_by, turn=turn)).rowcount:
                connection.execute(delete(video_segments).where(video_segments.c.video_id == video_id))
            return fetch_video(connection, video_id)

    @write_transaction
    def delete_video(self, video_id: str) -> bool:
        """Take a video and its segments out of the catalog, the file stays; False when there was none."""
        with self._writing() as connection:
            return connection.execute(delete(videos).where(videos.c.video_id == video_id)).rowcount > 0


def _next_turn(connection: Connection, run_id: str, asked_by: str, bounds: VideoBounds | None) -> int:
    """How many unfinished videos a client has, if it may have one more.

    Raises:
        QuotaError: it may not.
    """

    def count(condition: ColumnElement[bool]) -> int:
        return connection.execute(select(func.count()).select_from(videos).where(is_unfinished, condition)).scalar_one()

    turn = count(videos.c.asked_by == asked_by)
    if bounds is not None and turn >= bounds.per_client:
        raise QuotaError(
            f"{turn} videos that you asked for are not made yet: wait for one of them, or cancel one",
            retry_after_secs=_RETRY_AFTER_SECS,
        )
    if bounds is not None and (n_of_run := count(videos.c.run_id == run_id)) >= bounds.per_run:
        raise QuotaError(
            f"{n_of_run} videos of run {run_id!r:.100} are not made yet: ask again later",
            retry_after_secs=_RETRY_AFTER_SECS,
        )
    return turn


def video_id_of(run_id: str, episode_id: int, options: Mapping[str, Any]) -> str:
    """The id of a video: the same for the same episode and options, whatever the order of the options."""
    request = json.dumps([run_id, episode_id, options], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(request.encode()).hexdigest()[:32]


def fetch_video(connection: Connection, video_id: str) -> VideoRow:
    """One video, within a transaction.

    Raises:
        RecordingNotFoundError: there is no such video.
    """
    row = connection.execute(select(videos).where(videos.c.video_id == video_id)).mappings().one_or_none()
    if row is None:
        raise RecordingNotFoundError(f"there is no video {video_id!r} in the catalog")
    return VideoRow(**row)


def lock_video(connection: Connection, video_id: str) -> VideoRow:
    """One video, locked until the transaction ends: before its segments, as everywhere.

    Raises:
        RecordingNotFoundError: there is no such video.
    """
    connection.execute(select(videos.c.video_id).where(videos.c.video_id == video_id).with_for_update())
    return fetch_video(connection, video_id)
