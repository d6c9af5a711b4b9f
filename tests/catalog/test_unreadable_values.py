"""Values of another program are named by table, key and column, each of them and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recorder.__main__ import main
from recorder.catalog import Catalog
from tests.foreign_rows import FUZZED, Spoil, add_rows, changeable_columns, garbage_for, odd_values_for, spoiling

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@contextmanager
def two_runs(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Catalog, Spoil]]:
    """A catalog with the same rows twice, of which those of one run can be overwritten."""
    postgres = request.getfixturevalue("postgres") if kind == "postgresql" else None
    url = postgres.new_database() if postgres else f"sqlite:///{tmp_path / 'catalog.db'}"
    with Catalog(url) as catalog:
        for run_id in ("bad", "good"):
            add_rows(catalog, run_id)
        with spoiling(url, postgres) as spoil:
            yield catalog, spoil


@pytest.mark.parametrize("kind", KINDS)
def test_each_value_that_makes_no_sense_is_named(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with two_runs(kind, tmp_path, request) as (catalog, spoil):
        assert catalog.unreadable_values() == []
        spoiled: set[tuple[str, str]] = set()
        for number in range(4):
            for table in FUZZED:
                for column in changeable_columns(table):
                    values = garbage_for(column, kind)
                    if number < len(values) and spoil(table, column.name, values[number]):
                        spoiled.add((table, column.name))
            found = catalog.unreadable_values()
            assert {(it.table, it.column) for it in found} == spoiled
            assert len(found) == len(spoiled), "a good row is named"
        assert len(catalog.unreadable_values(limit=1)) == len({table for table, _ in spoiled})


@pytest.mark.parametrize("kind", KINDS)
def test_odd_values_that_can_be_read_are_not_named(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with two_runs(kind, tmp_path, request) as (catalog, spoil):
        catalog.ensure_run("bad", config={"rate": float("nan"), "more": [float("inf")]})
        for table in FUZZED:
            for column in changeable_columns(table):
                if column.name in ("status", "decision", "state", "why", "outcome"):
                    continue
                for value in odd_values_for(column):
                    spoil(table, column.name, value)
        assert catalog.unreadable_values() == []


def test_doctor_shows_them_by_table_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    with Catalog(url) as catalog:
        add_rows(catalog, "bad")
    with spoiling(url, None) as spoil:
        spoil("annotations", "step", "five")
        spoil("videos", "options", "{")
        spoil("videos", "state", "lost")
    main(["doctor", "--recordings", str(tmp_path), "--database", url])
    output = " ".join(capsys.readouterr().out.split())
    assert "catalog values: 3 values can't be read or make no sense (1 in annotations, 2 in videos)" in output
    assert "annotations (annotation_id 1): step" in output
