"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("started_unix_nanos", sa.BigInteger(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("criteria_state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("n_refused", sa.BigInteger(), nullable=False),
        sa.Column("n_late_keeps", sa.BigInteger(), nullable=False),
        sa.Column("n_episodes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_table(
        "annotations",
        sa.Column("annotation_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("end_step", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("color", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("annotation_id", name="pk_annotations"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_annotations_run_id", ondelete="CASCADE"),
    )
    op.create_index("ix_annotations_episode", "annotations", ["run_id", "episode_id", "step"])
    op.create_table(
        "episodes",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("play_id", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("n_steps", sa.BigInteger(), nullable=False),
        sa.Column("n_missing_steps", sa.BigInteger(), nullable=False),
        sa.Column("survival_steps", sa.BigInteger(), nullable=False),
        sa.Column("total_reward", sa.Double(), nullable=False),
        sa.Column("extrinsic_reward", sa.Double(), nullable=False),
        sa.Column("intrinsic_reward", sa.Double(), nullable=False),
        sa.Column("curriculum_stage", sa.Integer(), nullable=False),
        sa.Column("epsilon", sa.Double(), nullable=False),
        sa.Column("intrinsic_weight", sa.Double(), nullable=False),
        sa.Column("timestamp", sa.Double(), nullable=False),
        sa.Column("env_steps", sa.BigInteger(), nullable=False),
        sa.Column("started_unix_nanos", sa.BigInteger(), nullable=False),
        sa.Column("finished_unix_nanos", sa.BigInteger(), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("replaced_plays", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stream_dropped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "episode_id", name="pk_episodes"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_episodes_run_id", ondelete="CASCADE"),
    )
    op.create_index(
        "ix_episodes_in_stream",
        "episodes",
        ["run_id", "episode_id"],
        sqlite_where=sa.text("stream_dropped_at IS NULL"),
        postgresql_where=sa.text("stream_dropped_at IS NULL"),
    )
    listed = (
        "finished_unix_nanos",
        "run_id",
        "episode_id",
        "total_reward",
        "survival_steps",
        "curriculum_stage",
        "lane",
        "status",
        "decision",
    )
    for name, leading in (
        ("finished", ()),
        ("reward", ("total_reward",)),
        ("length", ("survival_steps",)),
        ("stage", ("curriculum_stage",)),
        ("episode_id", ("episode_id", "run_id")),
        ("run", ("run_id",)),
        ("lane", ("lane",)),
    ):
        columns = [*leading, *(column for column in listed if column not in leading)]
        op.create_index(f"ix_episodes_{name}", "episodes", columns)
    op.create_index(
        "ix_episodes_uncommon",
        "episodes",
        ["status", *(column for column in listed if column != "status")],
        sqlite_where=sa.text("status <> 'complete'"),
        postgresql_where=sa.text("status <> 'complete'"),
    )
    op.create_index(
        "ix_episodes_kept",
        "episodes",
        [*listed, "written_at"],
        sqlite_where=sa.text("decision <> 'skipped'"),
        postgresql_where=sa.text("decision <> 'skipped'"),
    )
    op.create_index(
        "ix_episodes_summary", "episodes", ["run_id", "decision", "status", "n_steps", "n_missing_steps", "n_bytes"]
    )
    op.create_index(
        "ix_episodes_unwritten",
        "episodes",
        ["decision", "parked", "finished_unix_nanos"],
        sqlite_where=sa.text("decision = 'kept' AND written_at IS NULL"),
        postgresql_where=sa.text("decision = 'kept' AND written_at IS NULL"),
    )
    op.create_table(
        "recording_reasons",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "episode_id", "reason", name="pk_recording_reasons"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_recording_reasons_run_id", ondelete="CASCADE"),
    )
    op.create_index("ix_recording_reasons_reason", "recording_reasons", ["reason", "run_id", "episode_id"])
    op.create_table(
        "recordings",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("survival_steps", sa.BigInteger(), nullable=False),
        sa.Column("total_reward", sa.Double(), nullable=False),
        sa.Column("curriculum_stage", sa.Integer(), nullable=False),
        sa.Column("recording_reason", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.Double(), nullable=False),
        sa.Column("file_path", sa.Text(), nullable=False),
        sa.Column("file_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("compressed_size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("n_steps", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("format_version", sa.Integer(), nullable=False),
        sa.Column("epsilon", sa.Double(), nullable=False),
        sa.Column("env_steps", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("play_id", sa.BigInteger(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "episode_id", name="pk_recordings"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_recordings_run_id", ondelete="CASCADE"),
    )
    op.create_index("ix_recordings_episode", "recordings", ["episode_id"])
    op.create_index("ix_recordings_reward", "recordings", ["total_reward", "run_id", "episode_id"])
    op.create_index("ix_recordings_stage", "recordings", ["curriculum_stage", "timestamp"])
    op.create_index("ix_recordings_timestamp", "recordings", ["timestamp", "run_id", "episode_id"])
    op.create_table(
        "videos",
        sa.Column("video_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("n_frames_done", sa.BigInteger(), nullable=False),
        sa.Column("n_frames_total", sa.BigInteger(), nullable=False),
        sa.Column("n_segments_done", sa.Integer(), nullable=False),
        sa.Column("n_segments_total", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("file_path", sa.Text(), nullable=True),
        sa.Column("file_size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("video_id", name="pk_videos"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name="fk_videos_run_id", ondelete="CASCADE"),
    )
    op.create_index("ix_videos_episode", "videos", ["run_id", "episode_id"])
    op.create_index("ix_videos_state", "videos", ["state", "created_at"])
    op.create_table(
        "episode_tags",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("episode_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "episode_id", "tag", name="pk_episode_tags"),
        sa.ForeignKeyConstraint(
            ["run_id", "episode_id"],
            ["episodes.run_id", "episodes.episode_id"],
            name="fk_episode_tags_run_id_episode_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_episode_tags_tag", "episode_tags", ["tag"])
    op.create_table(
        "video_segments",
        sa.Column("video_id", sa.Text(), nullable=False),
        sa.Column("segment_index", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("first_frame", sa.BigInteger(), nullable=False),
        sa.Column("n_frames", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_path", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("video_id", "segment_index", name="pk_video_segments"),
        sa.ForeignKeyConstraint(
            ["video_id"], ["videos.video_id"], name="fk_video_segments_video_id", ondelete="CASCADE"
        ),
    )
