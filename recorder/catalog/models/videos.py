"""The tables of videos."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, text

from recorder.catalog.column_types import GivenText, Int64, JsonText, UtcDateTime
from recorder.catalog.models.shared import METADATA

__all__ = ["video_segments", "videos"]

videos = Table(
    "videos",
    METADATA,
    Column("video_id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False),
    Column("episode_id", BigInteger, nullable=False),
    Column("options", JsonText, nullable=False),
    Column("state", Text, nullable=False),
    Column("n_frames_done", Int64, nullable=False),
    Column("n_frames_total", Int64, nullable=False),
    Column("n_segments_done", Integer, nullable=False),
    Column("n_segments_total", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", GivenText),
    Column("file_path", Text),
    Column("file_size_bytes", Int64),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("not_before", UtcDateTime),
    Column("leased_until", UtcDateTime),
    Column("asked_by", Text, nullable=False, server_default=text("''")),
    Column("turn", Integer, nullable=False, server_default="0"),
    Column("note", GivenText),
    Index("ix_videos_episode", "run_id", "episode_id"),
    Index("ix_videos_state", "state", "created_at"),
)

video_segments = Table(
    "video_segments",
    METADATA,
    Column("video_id", Text, ForeignKey("videos.video_id", ondelete="CASCADE"), primary_key=True),
    Column("segment_index", Integer, primary_key=True, autoincrement=False),
    Column("first_frame", Int64, nullable=False),
    Column("n_frames", Int64, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("leased_until", UtcDateTime),
    Column("file_path", Text),
    Column("error", GivenText),
)
