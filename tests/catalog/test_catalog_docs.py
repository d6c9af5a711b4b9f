"""``docs/catalog.md`` describes the tables that there are."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from recorder.catalog import AnnotationRow, EpisodeRow, RecordingRow, SegmentRow, VideoRow
from recorder.catalog.models import METADATA

_PAGE = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text(encoding="utf-8")


def _documented() -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for section in re.split(r"^## ", _PAGE, flags=re.MULTILINE)[1:]:
        table = re.match(r"`(\w+)`\n", section)
        assert table is not None, section[:40]
        tables[table[1]] = re.findall(r"^\| `(\w+)` \| \S", section, flags=re.MULTILINE)
    return tables


def test_every_table_and_every_column_is_described_in_its_order() -> None:
    assert _documented() == {name: [column.name for column in table.columns] for name, table in METADATA.tables.items()}


@pytest.mark.parametrize(
    ("row", "table"),
    [
        (EpisodeRow, "episodes"),
        (RecordingRow, "recordings"),
        (VideoRow, "videos"),
        (SegmentRow, "video_segments"),
        (AnnotationRow, "annotations"),
    ],
)
def test_a_row_has_the_fields_of_its_table(row: type, table: str) -> None:
    names = [column.key for column in METADATA.tables[table].columns]
    assert [field.name for field in fields(row) if field.name not in ("tags", "agents")] == names
