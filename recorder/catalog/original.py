"""The database of the original recorder, a table ``recordings`` with one row an episode: recognised, read, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from pathlib import PurePath
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from recorder.catalog.models import METADATA
from recorder.catalog.rows import EpisodeRow, RecordingRow
from recorder.errors import CatalogError

__all__ = ["OriginalRows", "read_original"]

OriginalRows = list[tuple[EpisodeRow, RecordingRow]]

_COLUMNS = frozenset(
    {"episode_id", "survival_steps", "total_reward", "curriculum_stage", "recording_reason", "timestamp", "file_path"}
)


def read_original(connection: Connection, *, run_id: str, url: str) -> OriginalRows | None:
    """The rows of a database that has no catalog yet; None where it has none of the catalog's tables.

    Args:
        run_id: the run that they count as; the original recorder knew of none.

    Raises:
        CatalogError: a table of the catalog's name is neither the original recorder's nor the catalog's.
    """
    inspector = inspect(connection)
    taken = sorted(set(inspector.get_table_names()) & set(METADATA.tables))
    if not taken:
        return None
    columns = {column["name"] for column in inspector.get_columns("recordings")} if "recordings" in taken else set()
    if not columns >= _COLUMNS or "run_id" in columns:
        raise CatalogError(
            f"this is another program's database: its table {taken[0]!r} is not the catalog's; give --database another place: "
            f"{url}"
        )
    rows = connection.execute(text("SELECT * FROM recordings ORDER BY episode_id")).mappings()
    return [_rows_of(dict(row), run_id) for row in rows]


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
        # It kept all files in one folder, and their paths as they were on its machine.
        file_path=PurePath(str(row["file_path"] or "").replace("\\", "/")).name,
        file_size_bytes=int(row.get("file_size_bytes") or 0),
        compressed_size_bytes=int(row.get("compressed_size_bytes") or 0),
        format_version=1,
    )
    return EpisodeRow(**shared, decision="kept"), recording
