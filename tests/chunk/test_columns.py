"""One column to bytes and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.chunk import Part, choose_encoding, decode_columns, encode_column
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, Encoding
from tests.chunk.samples import assert_same_bits, column_kinds, column_values


def _encodings(dtype: str) -> list[Encoding]:
    return [Encoding.BITS] if dtype == "|b1" else [Encoding.PLAIN, Encoding.PLANES, Encoding.DELTA]


@given(st.data())
def test_columns_of_every_kind_come_back_bit_for_bit_over_any_number_of_parts(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(column_kinds(), min_size=1, max_size=4))
    lengths = data.draw(st.lists(st.integers(0, 5), max_size=3))
    specs = [
        ColumnSpec(f"extras.{index}", dtype, shape, data.draw(st.sampled_from(_encodings(dtype))))
        for index, (dtype, shape) in enumerate(kinds)
    ]
    values = [[data.draw(column_values(kind, n_steps)) for kind in kinds] for n_steps in lengths]
    parts = [
        Part(n_steps, [encode_column(column, spec.encoding) for column, spec in zip(columns, specs, strict=True)])
        for n_steps, columns in zip(lengths, values, strict=True)
    ]
    for index, decoded in enumerate(decode_columns(specs, parts)):
        spec = specs[index]
        whole = (
            np.concatenate([columns[index] for columns in values]) if values else np.empty((0, *spec.shape), spec.dtype)
        )
        assert_same_bits(decoded, whole)


@given(st.data())
def test_columns_that_lie_strided_in_memory_are_encoded_like_contiguous_ones(data: st.DataObject) -> None:
    kind = data.draw(column_kinds())
    values = data.draw(column_values(kind, 6))
    for encoding in _encodings(kind[0]):
        assert encode_column(values[::2], encoding) == encode_column(values[::2].copy(), encoding)
        assert encode_column(np.asfortranarray(values), encoding) == encode_column(values, encoding)


@pytest.mark.parametrize("encoding", [Encoding.PLAIN, Encoding.PLANES, Encoding.DELTA])
@pytest.mark.parametrize("wrong", [b"", bytes(23), bytes(25), bytes(48)])
def test_bytes_that_are_not_as_many_as_the_shape_needs_are_corrupt(encoding: Encoding, wrong: bytes) -> None:
    spec = ColumnSpec("meters", "<f4", (2,), encoding)
    with pytest.raises(EpisodeFileCorruptError, match=r"'meters': expected 24 bytes for 3 steps of <f4\[2\]"):
        decode_columns([spec], [Part(3, [wrong])])


def test_a_bit_too_many_bytes_of_booleans_are_corrupt() -> None:
    spec = ColumnSpec("done", "|b1", (), Encoding.BITS)
    assert decode_columns([spec], [Part(9, [b"\xff\x80"])])[0].all()
    with pytest.raises(EpisodeFileCorruptError, match="expected 2 bytes for 9 steps"):
        decode_columns([spec], [Part(9, [b"\xff\x80\x00"])])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.zeros(64, np.bool_), Encoding.BITS),
        (np.linspace(0, 1, 256, dtype=np.float32), Encoding.DELTA),
        (np.random.default_rng(1).random(256, np.float32), Encoding.PLANES),
    ],
)
def test_the_encoding_fits_the_values(values: np.ndarray[Any, Any], expected: Encoding) -> None:
    assert choose_encoding(values) is expected
