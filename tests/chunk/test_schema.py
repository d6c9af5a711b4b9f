"""Schemas as they stand in a header."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError, EpisodeFileVersionError
from recorder.schema import MAX_COLUMNS, ColumnSpec, Encoding, EpisodeSchema

METERS = ColumnSpec("meters", "<f4", (8,), Encoding.DELTA)


def test_a_schema_round_trips_through_its_list() -> None:
    schema = EpisodeSchema((METERS, ColumnSpec("done", "|b1", (), Encoding.BITS)))
    assert EpisodeSchema.from_list(schema.to_list()) == schema
    assert schema.names == ("meters", "done")
    assert (schema.index("done"), schema.index("reward")) == (1, None)
    assert (METERS.n_values, METERS.item_bytes, METERS.step_bytes) == (8, 4, 32)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (None, "expected \\[name, dtype"),
        ("meters", "expected \\[name, dtype"),
        ([], "expected \\[name, dtype"),
        (["meters", "<f4", [8]], "expected \\[name, dtype"),
        ([1, "<f4", [8], "delta"], "expected \\[name, dtype"),
        (["meters", "<f4", 8, "delta"], "expected \\[name, dtype"),
        (["meters", "<f4", [[8]], "delta"], "expected \\[name, dtype"),
        ([{"a": 1}, "<f4", [8], "delta"], "expected \\[name, dtype"),
        (["m" * 257, "<f4", [8], "delta"], "257 characters"),
        (["meters", "|O", [8], "delta"], "only numbers are allowed"),
        (["meters", "O", [8], "delta"], "only numbers are allowed"),
        (["meters", ">f4", [8], "delta"], "only numbers are allowed"),
        (["meters", "<U9", [8], "delta"], "only numbers are allowed"),
        (["meters", "<f4", [-1], "delta"], "has shape \\[-1\\]"),
        (["meters", "<f4", [True], "delta"], "expected \\[name"),
        (["meters", "<f4", [8.0], "delta"], "expected \\[name"),
        (["meters", "<f4", [2**31], "delta"], "has shape"),
        (["meters", "<f4", [1] * 9, "delta"], "has shape"),
        (["meters", "<f4", [8], "xor"], "encoding 'xor' of <f4"),
        (["meters", "|u1", [0, 8], "xor"], "encoding 'xor' of "),
        (["meters", "<f4", [8], "bits"], "requires dtype"),
        (["done", "|b1", [], "delta"], "requires dtype"),
    ],
)
def test_an_invalid_column_is_corrupt(column: Any, message: str) -> None:
    with pytest.raises(EpisodeFileCorruptError, match=message):
        EpisodeSchema.from_list([column])


def test_an_encoding_of_a_newer_version_asks_for_an_update() -> None:
    with pytest.raises(EpisodeFileVersionError, match="'gzip', which this version does not know: update"):
        EpisodeSchema.from_list([["meters", "<f4", [8], "gzip"]])


def test_a_length_of_true_is_not_1() -> None:
    ColumnSpec.from_list(["meters", "<f4", [1], "delta"])
    with pytest.raises(EpisodeFileCorruptError, match="expected"):
        ColumnSpec.from_list(["meters", "<f4", [True], "delta"])


@pytest.mark.parametrize("schema", [None, 3, "meters", b"meters", {"meters": 1}])
def test_a_schema_that_is_no_list_is_corrupt(schema: Any) -> None:
    with pytest.raises(EpisodeFileCorruptError, match="expected a list of columns"):
        EpisodeSchema.from_list(schema)


def test_a_column_named_twice_is_corrupt() -> None:
    with pytest.raises(EpisodeFileCorruptError, match="named twice"):
        EpisodeSchema.from_list([METERS.to_list(), METERS.to_list()])


def test_too_many_columns_are_refused() -> None:
    columns = [[f"extras.{n}", "<f4", [], "delta"] for n in range(MAX_COLUMNS + 1)]
    assert len(EpisodeSchema.from_list(columns[:-1]).columns) == MAX_COLUMNS
    with pytest.raises(EpisodeFileTooLargeError, match="1025 columns"):
        EpisodeSchema.from_list(columns)
