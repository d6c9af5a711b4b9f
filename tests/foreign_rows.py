"""Rows of a catalog, and another program that overwrites those of the run ``bad`` behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import Column, Double, Integer, Text

from recorder.agents import AgentInfo
from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.catalog.column_types import Float64, GivenText, Int64, JsonText, TextTuple, UtcDateTime
from recorder.catalog.models import METADATA
from tests.postgres_server import PostgresServer

__all__ = ["FUZZED", "Spoil", "add_rows", "changeable_columns", "garbage_for", "is_text", "odd_values_for", "spoiling"]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FUZZED = (
    "annotations",
    "episode_tags",
    "videos",
    "video_segments",
    "runs",
    "episodes",
    "recordings",
    "recording_agents",
)
_KEYS = ("run_id", "episode_id", "video_id", "segment_index", "annotation_id", "agent_id")
_NESTED = "[" * 100_000

Spoil = Callable[[str, str, Any], bool]
"""Overwrites a column of the row of ``bad`` in a table; False if the database refuses."""


def add_rows(catalog: Catalog, run_id: str) -> str:
    """A row in each table; returns the id of the video."""
    episode = EpisodeRow(run_id, 1, decision="kept", reasons=("a",), why_json='[{"criterion": "a"}]', timestamp=5.0)
    agents = (AgentInfo("red_0", "red"),)
    recording = RecordingRow(run_id, 1, reasons=("a",), timestamp=5.0, file_path="x", agents=agents)
    catalog.import_recordings([(episode, recording)])
    catalog.tag_episode(run_id, 1, "good")
    catalog.add_annotation(run_id, 1, step=1, end_step=3, label="seen", text="here")
    video, _ = catalog.enqueue_video(run_id, 1, {"content_hash": "x"}, at=NOW)
    catalog.start_video(video.video_id, now=NOW, lease_secs=60)
    catalog.plan_segments(video.video_id, [(0, 10)])
    return video.video_id


def changeable_columns(table: str) -> list[Column[Any]]:
    """Those that are no part of a key."""
    return [column for column in METADATA.tables[table].columns if column.name not in _KEYS]


def is_text(column: Column[Any]) -> bool:
    """Whether it holds text as such."""
    return isinstance(column.type, Text | GivenText)


def garbage_for(column: Column[Any], dialect: str) -> list[Any]:
    """Values that no reader can make sense of, as far as the database takes them."""
    huge = ["x" * (2**20 + 1)] if column.name in ("label", "error") else []
    if dialect == "sqlite":
        if isinstance(column.type, JsonText | TextTuple):
            return [b"\xff\xfe", "garbage", _NESTED, 5]
        if is_text(column):
            return [b"\xff\xfe", *huge]
        return ["garbage", b"\xff\xfe", _NESTED]
    if isinstance(column.type, UtcDateTime):
        return ["infinity", "-infinity", "4713-01-01 BC", "294000-01-01"]
    if isinstance(column.type, JsonText | TextTuple):
        return ["garbage", _NESTED, '{"a":' * 5000]
    return huge if is_text(column) else []


def odd_values_for(column: Column[Any]) -> list[Any]:
    """Values that can be read, and that this program would hardly write."""
    if isinstance(column.type, Float64 | Double):
        return [1e300, float("-inf")]
    if isinstance(column.type, Int64 | Integer) and not isinstance(column.type, UtcDateTime):
        return [-1, 2**31 - 1]
    if is_text(column):
        return ["", "[1, {}]", "\x01\u2028'\"<b>"]
    return []


@contextmanager
def spoiling(url: str, postgres: PostgresServer | None) -> Iterator[Spoil]:
    """The other program: it knows the database, not the catalog."""
    if postgres is None:
        database: Any = closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None))
        mark = "?"
    else:
        database = postgres.connect(url.partition("@/")[2].partition("?")[0])
        mark = "%s"
    with database as connection:
        if postgres is None:
            for pragma in ("ignore_check_constraints = ON", "synchronous = OFF"):
                connection.execute(f"PRAGMA {pragma}")

        def spoil(table: str, column: str, value: Any) -> bool:
            which = "run_id = 'bad'"
            if table == "video_segments":
                which = f"video_id = (SELECT video_id FROM videos WHERE {which})"
            try:
                connection.execute(f'UPDATE {table} SET "{column}" = {mark} WHERE {which}', [value])
            except psycopg.Error:  # too long for an index
                return False
            return True

        yield spoil
