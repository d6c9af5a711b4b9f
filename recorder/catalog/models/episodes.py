"""The tables of episodes, and of what people add to them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table, Text, text

from recorder.catalog.column_types import Float64, GivenText, Int64, JsonText, TextTuple, UtcDateTime
from recorder.catalog.models.shared import METADATA, UNKNOWN_FIRST, WholeNumber, run_key

__all__ = ["GIVEN_UP", "UNWRITTEN", "episode_annotations", "episode_tags", "episodes"]

UNWRITTEN = "decision = 'kept' AND written_at IS NULL"
"""Condition of the write job. SQLite uses a partial index only if the query repeats its text."""

GIVEN_UP = "parked"
"""Condition of parked episodes, which are few; also the text of a partial index."""

_LISTED = (
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


def _listing_index(name: str, *leading: str, more: tuple[str, ...] = (), where: str | None = None) -> Index:
    """An index with all columns that lists filter and sort by, so that lists read only the rows they show."""
    columns = (*leading, *(column for column in _LISTED if column not in leading), *more)
    condition = None if where is None else text(where)
    return Index(
        f"ix_episodes_{name}",
        *columns,
        sqlite_where=condition,
        postgresql_where=condition,
        postgresql_ops=UNKNOWN_FIRST if leading == ("curriculum_stage",) else {},
    )


episodes = Table(
    "episodes",
    METADATA,
    run_key(),
    Column("episode_id", BigInteger, primary_key=True, autoincrement=False),
    Column("play_id", Int64, nullable=False),
    Column("lane", WholeNumber, nullable=False),
    Column("status", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reasons", TextTuple, nullable=False),
    Column("why", Text, key="why_json", nullable=False),
    Column("n_steps", Int64, nullable=False),
    Column("n_missing_steps", Int64, nullable=False),
    Column("survival_steps", Int64, nullable=False),
    Column("total_reward", Float64, nullable=False),
    Column("extrinsic_reward", Float64, nullable=False),
    Column("intrinsic_reward", Float64, nullable=False),
    Column("curriculum_stage", WholeNumber),
    Column("epsilon", Float64),
    Column("intrinsic_weight", Float64),
    Column("timestamp", Float64, nullable=False),
    Column("env_steps", Int64),
    Column("started_unix_nanos", Int64),
    Column("finished_unix_nanos", Int64, nullable=False),
    Column("n_bytes", Int64, nullable=False),
    Column("replaced_plays", Integer, nullable=False),
    Column("written_at", UtcDateTime),
    Column("stream_dropped_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("not_before", UtcDateTime),
    Column("leased_until", UtcDateTime),
    Column("parked", Boolean, nullable=False),
    Column("error", GivenText),
    Column("metrics", JsonText),
    *(
        _listing_index(name, *leading)
        for name, leading in (
            ("finished", ()),
            ("reward", ("total_reward",)),
            ("length", ("survival_steps",)),
            ("stage", ("curriculum_stage",)),
            ("episode_id", ("episode_id", "run_id")),
            ("run", ("run_id",)),
            ("lane", ("lane",)),
        )
    ),
    _listing_index("uncommon", "status", where="status <> 'complete'"),
    _listing_index("kept", more=("written_at",), where="decision <> 'skipped'"),
    Index("ix_episodes_summary", "run_id", "decision", "status", "n_steps", "n_missing_steps", "n_bytes"),
    Index(
        "ix_episodes_unwritten",
        "decision",  # the same in every row, but it makes SQLite prefer this index to the one on decisions
        "parked",
        "finished_unix_nanos",
        sqlite_where=text(UNWRITTEN),
        postgresql_where=text(UNWRITTEN),
    ),
    Index(
        "ix_episodes_given_up",
        "run_id",
        "episode_id",
        sqlite_where=text(GIVEN_UP),
        postgresql_where=text(GIVEN_UP),
    ),
    Index(
        "ix_episodes_in_stream",
        "run_id",
        "episode_id",
        sqlite_where=text("stream_dropped_at IS NULL"),
        postgresql_where=text("stream_dropped_at IS NULL"),
    ),
)

episode_tags = Table(
    "episode_tags",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("episode_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tag", Text, primary_key=True),
    ForeignKeyConstraint(["run_id", "episode_id"], ["episodes.run_id", "episodes.episode_id"], ondelete="CASCADE"),
    Index("ix_episode_tags_tag", "tag"),
)

episode_annotations = Table(
    "annotations",
    METADATA,
    Column("annotation_id", Integer, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False),
    Column("episode_id", BigInteger, nullable=False),
    Column("step", Int64, nullable=False),
    Column("end_step", Int64),
    Column("label", GivenText, nullable=False),
    Column("text", GivenText, nullable=False),
    Column("author", GivenText, nullable=False),
    Column("color", GivenText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_annotations_episode", "run_id", "episode_id", "step"),
)
