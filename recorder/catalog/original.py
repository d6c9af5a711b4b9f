"""Reads the database of the original recorder, which has one table, ``recordings``. It is never changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from math import nan
from pathlib import PurePath
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from recorder.catalog.models import METADATA
from recorder.catalog.rows import EpisodeRow, RecordingRow
from recorder.errors import CatalogError

__all__ = ["ORIGINAL_COLUMNS", "OriginalRows", "read_original"]

_log = logging.getLogger(__name__)

OriginalRows = list[tuple[EpisodeRow, RecordingRow]]

_TABLES_NAMED = 3

ORIGINAL_COLUMNS = (
    "episode_id",
    "survival_steps",
    "total_reward",
    "curriculum_stage",
    "recording_reason",
    "timestamp",
    "file_path",
)
"""Columns of its table ``recordings``. Its other tables are not read."""


def read_original(connection: Connection, *, run_id: str, url: str, is_read_only: bool) -> OriginalRows | None:
    """Rows of the original recorder; None if the database has none of the catalog's tables.

    Args:
        run_id: run id for all rows, since the original recorder had no runs.

    Raises:
        CatalogError: a table with a name of the catalog's belongs to another program.
    """
    inspector = inspect(connection)
    tables = inspector.get_table_names()
    taken = sorted(set(tables) & set(METADATA.tables))
    if not taken and tables and is_read_only:
        raise CatalogError(
            f"the database belongs to another program (it has the tables {_some_of(tables)}): give another "
            f"--database: {url}"
        )
    if not taken:
        return None
    columns = {column["name"] for column in inspector.get_columns("recordings")} if "recordings" in taken else set()
    if not columns.issuperset(ORIGINAL_COLUMNS) or "run_id" in columns:
        raise CatalogError(
            f"the database belongs to another program, which wrote its table {taken[0]!r}: give another --database: {url}"
        )
    rows = connection.execute(text("SELECT * FROM recordings ORDER BY episode_id")).mappings()
    found: OriginalRows = []
    for row in rows:
        try:
            found.append(_rows_of(dict(row), run_id))
        except (TypeError, ValueError, OverflowError) as error:
            _log.warning(
                "the row of episode %.60r can't be read and is left out (%s): %s", row["episode_id"], error, url
            )
    return found


def _some_of(tables: Sequence[str]) -> str:
    named = ", ".join(sorted(tables)[:_TABLES_NAMED])
    return f"{named}, …" if len(tables) > _TABLES_NAMED else named


def _rows_of(row: Mapping[str, Any], run_id: str) -> tuple[EpisodeRow, RecordingRow]:
    reasons = (str(row["recording_reason"]),) if row["recording_reason"] else ()
    shared: dict[str, Any] = {
        "run_id": run_id,
        "episode_id": int(row["episode_id"]),
        "survival_steps": int(row["survival_steps"] or 0),
        "total_reward": nan if row["total_reward"] is None else float(row["total_reward"]),
        "curriculum_stage": None if row["curriculum_stage"] is None else int(row["curriculum_stage"]),
        "timestamp": float(row["timestamp"] or 0.0),
        "reasons": reasons,
        "n_steps": int(row["survival_steps"] or 0),
    }
    recording = RecordingRow(
        **shared,
        recording_reason=reasons[0] if reasons else "",
        # The original recorder kept all files in one folder, with the paths of its machine.
        file_path=PurePath(str(row["file_path"] or "").replace("\\", "/")).name,
        file_size_bytes=int(row.get("file_size_bytes") or 0),
        compressed_size_bytes=int(row.get("compressed_size_bytes") or 0),
        format_version=1,
    )
    return EpisodeRow(**shared, decision="kept"), recording
