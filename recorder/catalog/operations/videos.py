"""Operations on ``videos``: requests, lists, cancellation.

States: ``queued`` → ``rendering`` → ``joining`` → ``done``, or ``failed`` after the last attempt, or ``cancelled``.
Only ``retry_video`` leaves a final state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, delete, exists, func, literal, select, type_coerce, update
from sqlalchemy.engine import Connection

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.models import recordings, video_segments, videos
from recorder.catalog.operations.runs import add_missing_run
from recorder.catalog.video_rows import VideoRow
from recorder.errors import QuotaError, RecordingNotFoundError

__all__ = ["VideoBounds", "VideoOperations", "fetch_video", "is_unfinished", "lock_video", "video_id_of"]

_RETRY_AFTER_SECS = 60.0
"""Time after which a waiting video may be done."""

is_unfinished = videos.c.state.in_(["queued", "rendering", "joining"])


class VideoBounds(NamedTuple):
    """Limits on unfinished videos."""

    per_client: int
    per_run: int


class VideoOperations(CatalogBase):
    """Requests for videos."""

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
        """Request a video of an episode.

        Args:
            options: everything that the picture depends on, including the recording's content hash; part of the
                ``video_id``.
            asked_by: opaque id of the client.
            bounds: limits on unfinished videos; None sets none.

        Returns:
            The row, and whether this call created it.

        Raises:
            QuotaError: the client or the run has too many unfinished videos.
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
        """Get a video.

        Raises:
            RecordingNotFoundError: no such video.
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
        """The videos that match the filters, newest request first."""
        query = select(videos).order_by(videos.c.created_at.desc(), videos.c.video_id).limit(limit)
        for column, value in ((videos.c.run_id, run), (videos.c.episode_id, episode_id), (videos.c.state, state)):
            if value is not None:
                query = query.where(column == value)
        with self._reading() as connection:
            return [VideoRow(**row) for row in connection.execute(query).mappings()]

    def stale_videos(self, *, limit: int) -> list[VideoRow]:
        """Videos whose recording was deleted or replaced by another play, oldest request first."""
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
    def cancel_video(self, video_id: str, *, at: datetime) -> bool:
        """Cancel a video; its workers stop at their next report. Returns False if it was finished."""
        with self._writing() as connection:
            this = and_(videos.c.video_id == video_id, is_unfinished)
            values = {"state": "cancelled", "finished_at": at, "leased_until": None}
            return connection.execute(update(videos).where(this).values(**values)).rowcount > 0

    @write_transaction
    def retry_video(self, video_id: str, *, asked_by: str = "", bounds: VideoBounds | None = None) -> VideoRow:
        """Queue a failed or cancelled video again; others are not changed.

        Args:
            asked_by, bounds: as for ``enqueue_video``.

        Raises:
            RecordingNotFoundError: no such video.
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
        """Delete a video and its segments from the catalog, but not its file. Returns whether it existed."""
        with self._writing() as connection:
            return connection.execute(delete(videos).where(videos.c.video_id == video_id)).rowcount > 0


def _next_turn(connection: Connection, run_id: str, asked_by: str, bounds: VideoBounds | None) -> int:
    """Number of the client's unfinished videos.

    Raises:
        QuotaError: the client or the run may not have another one.
    """

    def count(condition: ColumnElement[bool]) -> int:
        return connection.execute(select(func.count()).select_from(videos).where(is_unfinished, condition)).scalar_one()

    turn = count(videos.c.asked_by == asked_by)
    if bounds is not None and turn >= bounds.per_client:
        raise QuotaError(
            f"{turn} videos that you requested are unfinished: wait for one of them, or cancel one",
            retry_after_secs=_RETRY_AFTER_SECS,
        )
    if bounds is not None and (n_of_run := count(videos.c.run_id == run_id)) >= bounds.per_run:
        raise QuotaError(
            f"{n_of_run} videos of run {run_id!r:.100} are unfinished: request this one later",
            retry_after_secs=_RETRY_AFTER_SECS,
        )
    return turn


def video_id_of(run_id: str, episode_id: int, options: Mapping[str, Any]) -> str:
    """Id of a video: a hash of episode and options, independent of their order."""
    request = json.dumps([run_id, episode_id, options], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(request.encode()).hexdigest()[:32]


def fetch_video(connection: Connection, video_id: str) -> VideoRow:
    """Get a video within a transaction.

    Raises:
        RecordingNotFoundError: no such video.
    """
    row = connection.execute(select(videos).where(videos.c.video_id == video_id)).mappings().one_or_none()
    if row is None:
        raise RecordingNotFoundError(f"there is no video {video_id!r} in the catalog")
    return VideoRow(**row)


def lock_video(connection: Connection, video_id: str) -> VideoRow:
    """Get a video and lock it until the transaction ends; lock it before its segments.

    Raises:
        RecordingNotFoundError: no such video.
    """
    connection.execute(select(videos.c.video_id).where(videos.c.video_id == video_id).with_for_update())
    return fetch_video(connection, video_id)
