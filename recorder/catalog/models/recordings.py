"""The tables of recordings."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, Table, Text

from recorder.catalog.column_types import Float64, GivenText, Int64, TextTuple, UtcDateTime
from recorder.catalog.models.shared import METADATA, UNKNOWN_FIRST, WholeNumber, run_key

__all__ = ["recording_agents", "recording_reasons", "recordings"]

recordings = Table(
    "recordings",
    METADATA,
    run_key(),
    Column("episode_id", BigInteger, primary_key=True, autoincrement=False),
    Column("survival_steps", Int64, nullable=False),
    Column("total_reward", Float64, nullable=False),
    Column("curriculum_stage", WholeNumber),
    Column("recording_reason", GivenText, nullable=False),
    Column("timestamp", Float64, nullable=False),
    Column("file_path", Text, nullable=False),
    Column("file_size_bytes", Int64, nullable=False),
    Column("compressed_size_bytes", Int64, nullable=False),
    Column("lane", WholeNumber, nullable=False),
    Column("status", Text, nullable=False),
    Column("n_steps", Int64, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("format_version", Integer, nullable=False),
    Column("epsilon", Float64),
    Column("env_steps", Int64),
    Column("recorded_at", UtcDateTime),
    Column("play_id", Int64),
    Column("reasons", TextTuple, nullable=False),
    Column("seed", GivenText),
    Index("ix_recordings_timestamp", "timestamp", "run_id", "episode_id"),
    Index("ix_recordings_reward", "total_reward", "run_id", "episode_id"),
    Index("ix_recordings_stage", "curriculum_stage", "timestamp", postgresql_ops=UNKNOWN_FIRST),
    Index("ix_recordings_episode", "episode_id"),
    Index("ix_recordings_seed", "seed", "run_id", "episode_id"),
)

recording_reasons = Table(
    "recording_reasons",
    METADATA,
    run_key(),
    Column("episode_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", GivenText, primary_key=True),
    Index("ix_recording_reasons_reason", "reason", "run_id", "episode_id"),
)

recording_agents = Table(
    "recording_agents",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("episode_id", BigInteger, primary_key=True, autoincrement=False),
    Column("agent_id", GivenText, primary_key=True),
    Column("team", GivenText, nullable=False),
    Column("agent_group", Int64, nullable=False),
    Column("slot", Int64, nullable=False),
    Column("first_step", Int64, nullable=False),
    Column("last_step", Int64, nullable=False),
    Column("total_reward", Float64, nullable=False),
    Column("n_steps", Int64, nullable=False),
    Column("outcome", Text, nullable=False),
    ForeignKeyConstraint(["run_id", "episode_id"], ["recordings.run_id", "recordings.episode_id"], ondelete="CASCADE"),
    Index("ix_recording_agents_agent", "agent_id", "run_id", "episode_id"),
)
