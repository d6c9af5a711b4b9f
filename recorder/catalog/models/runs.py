"""The tables of runs and of the installation."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from recorder.catalog.column_types import GivenText, Int64, JsonText, UtcDateTime
from recorder.catalog.models.shared import METADATA

__all__ = ["installation", "runs"]

runs = Table(
    "runs",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("config", JsonText),
    Column("host", GivenText),
    Column("started_unix_nanos", Int64),
    Column("cursor", Text, nullable=False),
    Column("criteria_state", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_activity_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("n_refused", Int64, nullable=False),
    Column("n_late_keeps", Int64, nullable=False),
    Column("n_episodes", Int64, nullable=False),
    Column("seen_at", UtcDateTime),
)

installation = Table(
    "installation",
    METADATA,
    Column("row_id", Integer, primary_key=True, autoincrement=False),
    Column("installation_id", Text, nullable=False),
    Column("founded_path", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("file_number", BigInteger, nullable=False),
    Column("host", Text),
)
