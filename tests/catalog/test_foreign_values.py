"""What another program has put into the tables of a catalog keeps no other row from being read."""

from __future__ import annotations

import logging
import math
import sqlite3
from pathlib import Path

import pytest

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.catalog.models import episodes, recordings, runs

GARBAGE = ["garbage", b"\xff\xfe", "[1, {}]"]
KEYS = ("run_id", "episode_id")


def fill(path: Path) -> None:
    with Catalog(path) as catalog:
        rows = []
        for episode_id in range(3):
            episode = EpisodeRow("r", episode_id, decision="kept", reasons=("a",), timestamp=5.0)
            rows.append((episode, RecordingRow("r", episode_id, reasons=("a",), timestamp=5.0, file_path="x")))
        catalog.import_recordings(rows)


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("table", [runs, episodes, recordings], ids=str)
def test_a_row_with_garbage_does_not_hide_other_rows(
    tmp_path: Path, table: object, garbage: object, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path / "catalog.db")
    columns = [column.name for column in table.columns if column.name not in KEYS]  # type: ignore[attr-defined]
    with sqlite3.connect(tmp_path / "catalog.db") as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        assignments = ", ".join(f'"{column}" = ?' for column in columns)
        first = f"rowid = (SELECT min(rowid) FROM {table})"
        database.execute(f"UPDATE {table} SET {assignments} WHERE {first}", [garbage] * len(columns))
    database.close()
    with caplog.at_level(logging.ERROR), Catalog(tmp_path / "catalog.db") as catalog:
        (run,) = catalog.list_runs()
        assert run.run_id == "r"
        page = catalog.list_episodes(run="r", order="episode_id")
        assert [row.episode_id for row in page.episodes] == [0, 1, 2]
        assert page.episodes[2].reasons == ("a",)
        assert all(isinstance(it, dict) for row in page.episodes for it in row.why)
        found = list(catalog.iterate_recordings())
        assert [row.episode_id for row in found] == [0, 1, 2]
        assert all(isinstance(row.compressed_size_bytes, int) for row in found)
        assert all(math.isnan(row.timestamp) or row.timestamp == 5.0 for row in found)
        assert [row["episode_id"] for row in catalog.query_recordings(order="episode_id")] == [0, 1, 2]


def test_files_with_values_that_sql_cannot_hold_do_not_stop_an_import(tmp_path: Path) -> None:
    refused: dict[int, str] = {}
    with Catalog(tmp_path / "catalog.db") as catalog:
        rows = [
            (EpisodeRow("r", number), RecordingRow("r", number, survival_steps=2**70 if number == 5 else 1))
            for number in range(9)
        ]
        n_imported = catalog.import_recordings(rows, on_refused=lambda row, why: refused.update({row.episode_id: why}))
        assert n_imported == 8
        assert list(refused) == [5]
        assert [row.episode_id for row in catalog.iterate_recordings()] == [0, 1, 2, 3, 4, 6, 7, 8]
