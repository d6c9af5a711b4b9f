"""Operations on ``video_segments``, the parts of a video that workers render in parallel.

The transaction that finishes a segment also counts, so exactly one worker finishes the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from recorder.catalog.base import CatalogBase, insert_or, write_transaction
from recorder.catalog.models import video_segments, videos
from recorder.catalog.operations.videos import fetch_video, is_unfinished, lock_video
from recorder.catalog.operations.write_job import MAX_ATTEMPTS, NO_ANSWER
from recorder.catalog.video_rows import SegmentProgress, SegmentRow

__all__ = ["SEGMENTS_A_TURN", "VideoSegmentOperations"]

SEGMENTS_A_TURN = 8
"""This many segments of a long video count as one video in the queue, so that short videos don't wait for all of it."""

_open = video_segments.c.state.in_(["queued", "rendering"])


class VideoSegmentOperations(CatalogBase):
    """Segments of videos."""

    @write_transaction
    def plan_segments(
        self, video_id: str, spans: Sequence[tuple[int, int]], *, note: str | None = None
    ) -> list[SegmentRow]:
        """Divide a video into segments. A repeated call changes nothing.

        Args:
            spans: first frame and number of frames of each segment.
            note: what was found, for the person who asked.

        Raises:
            RecordingNotFoundError: no such video.
        """
        rows = [
            {
                "video_id": video_id,
                "segment_index": index,
                "first_frame": first_frame,
                "n_frames": n_frames,
                "state": "queued",
                "attempts": 0,
            }
            for index, (first_frame, n_frames) in enumerate(spans)
        ]
        n_frames_total = sum(n_frames for _, n_frames in spans)
        totals = {"n_segments_total": len(rows), "n_frames_total": n_frames_total, "note": note}
        with self._writing() as connection:
            lock_video(connection, video_id)
            if rows:
                connection.execute(insert_or(connection.dialect, video_segments, update={}), rows)
            connection.execute(update(videos).where(videos.c.video_id == video_id).values(**totals))
        return self.list_segments(video_id)

    def list_segments(self, video_id: str) -> list[SegmentRow]:
        """The video's segments in frame order."""
        query = select(video_segments).where(video_segments.c.video_id == video_id)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(video_segments.c.segment_index)).mappings()
            return [SegmentRow(**row) for row in rows]

    @write_transaction
    def claim_segments(self, *, now: datetime, lease_secs: float, limit: int) -> list[SegmentRow]:
        """Lease free segments of videos that are being rendered.

        In the order of requests, except that clients with many or long videos let others go first.
        """
        s = video_segments.c
        query = (
            select(video_segments)
            .join(videos, videos.c.video_id == s.video_id)
            .where(videos.c.state == "rendering", _open, or_(s.leased_until.is_(None), s.leased_until <= now))
            .order_by(
                videos.c.turn * SEGMENTS_A_TURN + s.segment_index, videos.c.created_at, s.video_id, s.segment_index
            )
            .limit(limit)
        )
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                query = query.with_for_update(of=video_segments, skip_locked=True)
            claimed = [SegmentRow(**row) for row in connection.execute(query).mappings()]
            for segment in claimed:
                lease = update(video_segments).where(_is_segment(segment.video_id, segment.segment_index))
                connection.execute(lease.values(leased_until=now + timedelta(seconds=lease_secs)))
        return claimed

    @write_transaction
    def start_segment(
        self,
        video_id: str,
        segment_index: int,
        *,
        now: datetime,
        lease_secs: float,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> SegmentRow | None:
        """Count an attempt on a segment and lease it.

        Returns:
            None if it is done, its video is finished or cancelled, or its attempts are used up; then it and its video
            become ``failed``.
        """
        this = _is_segment(video_id, segment_index)
        with self._writing() as connection:
            if lock_video(connection, video_id).state != "rendering":
                return None
            query = select(video_segments).where(this, _open)
            if connection.dialect.name == "postgresql":
                query = query.with_for_update()
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            if row["attempts"] >= max_attempts:
                error = row["error"] or NO_ANSWER
                connection.execute(
                    update(video_segments).where(this).values(state="failed", leased_until=None, error=error)
                )
                connection.execute(
                    update(videos)
                    .where(videos.c.video_id == video_id, is_unfinished)
                    .values(
                        state="failed", leased_until=None, finished_at=now, error=f"segment {segment_index}: {error}"
                    )
                )
                return None
            started = {
                "state": "rendering",
                "attempts": row["attempts"] + 1,
                "leased_until": now + timedelta(seconds=lease_secs),
            }
            connection.execute(update(video_segments).where(this).values(**started))
            return SegmentRow(**{**row, **started})

    @write_transaction
    def report_segment(
        self, segment: SegmentRow, *, n_new_frames: int, now: datetime, lease_secs: float
    ) -> SegmentRow | None:
        """Renew the leases of a segment and its video, and record the progress.

        The video's progress never decreases and never exceeds what was drawn: frames of a failed attempt stay counted,
        and frames of later attempts count when the segment is done.

        Args:
            segment: from ``start_segment`` or the last report; it identifies the worker's lease.
            n_new_frames: frames drawn since then.

        Returns:
            The segment with its new lease; None if the worker must stop, because the video was cancelled, finished or
            deleted, or another worker has the segment.
        """
        leased_until = now + timedelta(seconds=lease_secs)
        held = and_(
            _is_segment(segment.video_id, segment.segment_index),
            video_segments.c.state == "rendering",
            video_segments.c.attempts == segment.attempts,
            video_segments.c.leased_until == segment.leased_until,
        )
        this = and_(videos.c.video_id == segment.video_id, videos.c.state == "rendering")
        with self._writing() as connection:
            if connection.execute(select(videos.c.video_id).where(this).with_for_update()).first() is None:
                return None
            if connection.execute(update(video_segments).where(held).values(leased_until=leased_until)).rowcount == 0:
                return None
            n_counted = n_new_frames if segment.attempts == 1 else 0
            values = {"leased_until": leased_until, "n_frames_done": videos.c.n_frames_done + n_counted}
            connection.execute(update(videos).where(this).values(**values))
        return replace(segment, leased_until=leased_until)

    @write_transaction
    def finish_segment(self, video_id: str, segment_index: int, *, file_path: str) -> SegmentProgress:
        """Mark a segment as done. A repeated call changes nothing, and ``was_last`` is then False.

        The last segment moves the video to ``joining``.

        Raises:
            RecordingNotFoundError: no such video.
        """
        this = _is_segment(video_id, segment_index)
        with self._writing() as connection:
            lock_video(connection, video_id)  # so that two last segments count one after the other
            done = {"state": "done", "file_path": file_path, "leased_until": None, "error": None}
            changed = connection.execute(update(video_segments).where(this, _open).values(**done)).rowcount
            n_done, n_frames = connection.execute(
                select(func.count(), func.coalesce(func.sum(video_segments.c.n_frames), 0)).where(
                    video_segments.c.video_id == video_id, video_segments.c.state == "done"
                )
            ).one()
            video = fetch_video(connection, video_id)
            was_last = changed == 1 and n_done == video.n_segments_total and video.state == "rendering"
            if changed:
                # Frames of unfinished segments are counted already.
                counts = {"n_segments_done": n_done, "n_frames_done": max(int(n_frames), video.n_frames_done)}
                state = {"state": "joining"} if was_last else {}
                connection.execute(update(videos).where(videos.c.video_id == video_id).values(**counts, **state))
            return SegmentProgress(n_done, video.n_segments_total, was_last)

    @write_transaction
    def fail_segment(self, video_id: str, segment_index: int, error: str) -> None:
        """Record a failed attempt and release the segment. ``start_segment`` fails it after the last attempt."""
        with self._writing() as connection:
            this = and_(_is_segment(video_id, segment_index), _open)
            values = {"state": "queued", "leased_until": None, "error": error}
            connection.execute(update(video_segments).where(this).values(**values))


def _is_segment(video_id: str, segment_index: int) -> ColumnElement[bool]:
    return and_(video_segments.c.video_id == video_id, video_segments.c.segment_index == segment_index)
