"""Columns to bytes and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.chunk import ColumnGroup, Stretch, choose_encoding
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ALLOWED_DTYPES, ColumnSpec, Encoding
from tests.chunk.samples import SHAPES, assert_same_bits, column_kinds, column_values


def _encodings(dtype: str) -> list[Encoding]:
    return [Encoding.BITS] if dtype == "|b1" else [Encoding.PLAIN, Encoding.PLANES, Encoding.DELTA]


@st.composite
def _groups(draw: st.DrawFn) -> ColumnGroup:
    """Columns for one shared slot, or a single column."""
    dtype = draw(st.sampled_from(sorted(ALLOWED_DTYPES)))
    if draw(st.booleans()):
        encoding = draw(st.sampled_from(_encodings(dtype)))
        return ColumnGroup([ColumnSpec("extras.0", dtype, draw(st.sampled_from(SHAPES)), encoding)])
    same_kind = [
        other for other in sorted(ALLOWED_DTYPES) if (other[2:], other == "|b1") == (dtype[2:], dtype == "|b1")
    ]
    encodings = [Encoding.BITS] if dtype == "|b1" else [Encoding.PLANES, Encoding.DELTA]
    return ColumnGroup(
        ColumnSpec(
            f"extras.{index}",
            draw(st.sampled_from(same_kind)),
            draw(st.sampled_from(SHAPES)),
            draw(st.sampled_from(encodings)),
        )
        for index in range(draw(st.integers(1, 4)))
    )


@given(st.data())
def test_columns_of_every_kind_round_trip_bit_for_bit(data: st.DataObject) -> None:
    group = data.draw(_groups())
    lengths = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
    values = [[data.draw(column_values((spec.dtype, spec.shape), n)) for spec in group.specs] for n in lengths]
    stretches = [Stretch(n, group.encode(columns)) for n, columns in zip(lengths, values, strict=True)]
    wanted = data.draw(st.none() | st.lists(st.sampled_from(group.names), min_size=1, unique=True))
    decoded = group.decode(stretches, wanted)
    assert set(decoded) == set(group.names if wanted is None else wanted)
    for index, name in enumerate(group.names):
        if name in decoded:
            assert_same_bits(decoded[name], np.concatenate([columns[index] for columns in values]))


@given(st.data())
def test_strided_columns_are_encoded_like_contiguous_ones(data: st.DataObject) -> None:
    kind = data.draw(column_kinds())
    values = data.draw(column_values(kind, 6))
    for encoding in _encodings(kind[0]):
        group = ColumnGroup([ColumnSpec("extras.a", *kind, encoding)])
        assert group.encode([values[::2]]) == group.encode([values[::2].copy()])
        assert group.encode([np.asfortranarray(values)]) == group.encode([values])


@given(st.data())
def test_lanes_that_are_encoded_together_are_encoded_as_each_alone(data: st.DataObject) -> None:
    group = data.draw(_groups())
    n_lanes, n_steps = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    columns = [
        data.draw(column_values((spec.dtype, spec.shape), n_lanes * n_steps)).reshape(n_lanes, n_steps, *spec.shape)
        for spec in group.specs
    ]
    alone = [group.encode([values[lane] for values in columns]) for lane in range(n_lanes)]
    assert group.encode_lanes(columns) == alone


@pytest.mark.parametrize("encoding", [Encoding.PLAIN, Encoding.PLANES, Encoding.DELTA])
@pytest.mark.parametrize("wrong", [b"", bytes(23), bytes(25), bytes(48)])
def test_a_wrong_number_of_bytes_is_corrupt(encoding: Encoding, wrong: bytes) -> None:
    spec = ColumnSpec("meters", "<f4", (2,), encoding)
    with pytest.raises(EpisodeFileCorruptError, match=r"expected 24 bytes for 3 steps of 'meters' <f4\[2\], found"):
        ColumnGroup([spec]).decode([Stretch(3, wrong)])


def test_a_wrong_number_of_shared_bytes_is_corrupt_for_each_column() -> None:
    group = ColumnGroup(
        [ColumnSpec("reward", "<f4", (), Encoding.PLANES), ColumnSpec("meters", "<i4", (2,), Encoding.PLANES)]
    )
    assert group.decode([Stretch(3, bytes(36))], ["reward"])["reward"].tolist() == [0, 0, 0]
    for name in ("reward", "meters"):
        with pytest.raises(
            EpisodeFileCorruptError, match=r"36 bytes for 3 steps of 'reward' <f4\[\], 'meters' <i4\[2\]"
        ):
            group.decode([Stretch(3, bytes(24))], [name])


def test_too_many_bytes_of_booleans_are_corrupt() -> None:
    group = ColumnGroup([ColumnSpec("done", "|b1", (), Encoding.BITS)])
    assert group.decode([Stretch(9, b"\xff\x80")])["done"].all()
    with pytest.raises(EpisodeFileCorruptError, match="expected 2 bytes for 9 steps"):
        group.decode([Stretch(9, b"\xff\x80\x00")])


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


def test_an_image_is_contiguous_and_a_short_vector_is_not_copied() -> None:
    group = ColumnGroup(
        [ColumnSpec("extras.image", "<f4", (16, 16), Encoding.DELTA), ColumnSpec("meters", "<f4", (8,), Encoding.DELTA)]
    )
    images, meters = np.random.default_rng(3).random((5, 16, 16), np.float32), np.ones((5, 8), np.float32)
    decoded = group.decode([Stretch(5, group.encode([images, meters]))])
    assert decoded["extras.image"].flags.c_contiguous
    assert decoded["meters"].base is not None
    assert_same_bits(decoded["meters"], meters)
    assert_same_bits(decoded["extras.image"], images)


@pytest.mark.parametrize("largest", [0, 1, 255, 2**8, 2**40, 2**63 - 1])
def test_planes_of_zeros_are_restored_anywhere(largest: int) -> None:
    group = ColumnGroup([ColumnSpec("action", "<i8", (), Encoding.PLANES)])
    values = np.array([0, largest, 0, largest & ~0xFFFF], np.int64)
    assert_same_bits(group.decode([Stretch(4, group.encode([values]))])["action"], values)
