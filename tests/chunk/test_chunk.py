"""Chunks: what an encoder writes a decoder reads, and nothing else."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.chunk import (
    MAX_CHUNK_STEPS,
    Chunk,
    ColumnData,
    chunk_from,
    chunk_of_slots,
    decode_chunk,
    encode_chunk,
    encode_lanes,
    spec_of,
)
from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError
from recorder.framing import compress_frame, decompress_frame
from recorder.schema import ColumnSpec, Encoding, EpisodeSchema
from tests.chunk.samples import assert_same_bits, column_data, column_kinds, column_values

REWARD = ColumnSpec("reward", "<f4", (), Encoding.PLAIN)
SCHEMA = EpisodeSchema((REWARD,))
FOUR = np.arange(4, dtype="<f4").tobytes()


def _assert_holds(chunk: Chunk, columns: dict[str, ColumnData]) -> None:
    assert set(chunk.names) == set(columns)
    for name, data in columns.items():
        found = chunk.column(name)
        assert found is not None
        assert_same_bits(found.values, data.values)
        present = np.ones(chunk.n_steps, np.bool_) if data.present is None else data.present
        assert (
            np.ones(chunk.n_steps, np.bool_) if found.present is None else found.present
        ).tolist() == present.tolist()


@given(st.data())
def test_every_kind_of_chunk_round_trips(data: st.DataObject) -> None:
    n_steps = data.draw(st.integers(1, 12))
    names = ["reward", "extras.a", "extras.b"]
    declared = {name: data.draw(column_kinds()) for name in names}
    schema = EpisodeSchema(
        tuple(spec_of(name, data.draw(column_values(declared[name], 3))) for name in names if data.draw(st.booleans()))
    )
    columns = {}
    for name in names:
        match data.draw(st.sampled_from(["absent", "as declared", "of another kind"])):
            case "as declared":
                columns[name] = data.draw(column_data(declared[name], n_steps))
            case "of another kind":
                columns[name] = data.draw(column_data(data.draw(column_kinds()), n_steps))
    first_step = data.draw(st.integers(0, 2**40))
    frame = encode_chunk(schema, first_step=first_step, n_steps=n_steps, columns=columns)
    chunk = decode_chunk(frame, schema)
    assert (chunk.first_step, chunk.n_steps) == (first_step, n_steps)
    _assert_holds(chunk, columns)


def test_a_column_of_the_schema_has_the_schemas_encoding() -> None:
    frame = encode_chunk(SCHEMA, first_step=0, n_steps=4, columns={"reward": ColumnData(np.arange(4, dtype="<f4"))})
    chunk = decode_chunk(frame, SCHEMA)
    assert (chunk.spec("reward"), chunk.data) == (REWARD, (FOUR,))


def test_an_absent_column_is_none() -> None:
    assert chunk_from([0, 4, [None]], SCHEMA).column("reward") is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "expected \\[first_step, n_steps, slots\\]"),
        ([], "expected \\[first_step"),
        ([0, 4], "expected \\[first_step"),
        ([0, 4, [FOUR], [], 1], "expected \\[first_step"),
        (["0", 4, [FOUR]], "expected \\[first_step"),
        ([0, 0, [FOUR]], "0 steps from step 0"),
        ([0, -1, [FOUR]], "-1 steps"),
        ([0, MAX_CHUNK_STEPS + 1, [FOUR]], "257 steps"),
        ([-1, 4, [FOUR]], "from step -1"),
        ([2**63 - 2, 4, [FOUR]], "from step 9223372036854775806"),
        ([0, 4, []], "0 slots for 1 columns"),
        ([0, 4, [FOUR, FOUR]], "2 slots for 1 columns"),
        ([0, 4, ["text"]], "slot of column 'reward' holds 'text'"),
        ([0, 4, [[b"\xf0"]]], "slot of column 'reward'"),
        ([0, 4, [[b"\xf0\x00", FOUR]]], "slot of column 'reward'"),
        ([0, 4, [[b"", FOUR]]], "slot of column 'reward'"),
        ([0, 4, [FOUR, FOUR], [["reward", "<f4", [], "plain"]]], "'reward' occurs twice"),
        ([0, 4, [None, FOUR, FOUR], [["extras.a", "<f4", [], "plain"]] * 2], "'extras.a' occurs twice"),
        ([0, 4, [None, FOUR], ["reward"]], "expected \\[name, dtype, shape, encoding\\]"),
        ([0, 4, [None, FOUR], [["a", "|O", [], "plain"]]], "only numbers are allowed"),
    ],
)
def test_a_chunk_that_does_not_match_the_schema_is_corrupt(body: Any, message: str) -> None:
    with pytest.raises(EpisodeFileCorruptError, match=message):
        decode_chunk(compress_frame(msgpack.packb(body)), SCHEMA)


TOGETHER = EpisodeSchema(
    (
        ColumnSpec("reward", "<f4", (), Encoding.PLANES),
        ColumnSpec("action", "<i4", (), Encoding.PLANES),
        ColumnSpec("epsilon", "<f8", (), Encoding.PLANES),
        ColumnSpec("time_of_day", "<f4", (), Encoding.DELTA),
        ColumnSpec("extras.a", "<f4", (), Encoding.PLAIN),
    )
)


def test_columns_of_one_kind_are_stored_together_unless_values_are_missing() -> None:
    four = {spec.name: ColumnData(np.arange(4).astype(spec.dtype)) for spec in TOGETHER.columns}
    mask = np.array([True, False, True, True])
    frames = [
        encode_chunk(TOGETHER, first_step=0, n_steps=4, columns=columns)
        for columns in (four, {**four, "reward": ColumnData(four["reward"].values[mask], mask)})
    ]
    whole, masked = (msgpack.unpackb(decompress_frame(frame))[2] for frame in frames)
    assert [slot if isinstance(slot, int) else type(slot) for slot in whole] == [bytes, 0, bytes, 0, bytes]
    assert [slot if isinstance(slot, int) else type(slot) for slot in masked] == [list, bytes, bytes, 1, bytes]
    for frame in frames:
        for name in ("action", "time_of_day"):
            assert decode_chunk(frame, TOGETHER).column(name).values.tolist() == [0, 1, 2, 3]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("slots", "wrong"),
    [
        ([0, None, None, None, None], "'reward' holds 0"),
        ([b"", 1, None, None, None], "'action' holds 1"),
        ([b"", -1, None, None, None], "'action' holds -1"),
        ([b"", False, None, None, None], "'action' holds False"),
        ([b"", 2, b"", None, None], "'action' holds 2"),
        ([[b"\xf0", b""], 0, None, None, None], "'action' holds 0"),
        ([b"", None, 0, None, None], "'epsilon' holds 0"),
        ([b"", 0, None, 1, None], "'time_of_day' holds 1"),
        ([None, None, None, None, 4], "'extras.a' holds 4"),
        ([b"", 0, None, None, 1], "'extras.a' holds 1"),
        ([b"", 10**9, None, None, None], "'action' holds 1000000000"),
    ],
)
def test_a_slot_with_a_wrong_reference_is_corrupt(slots: list[Any], wrong: str) -> None:
    with pytest.raises(EpisodeFileCorruptError, match=f"the slot of column {wrong}"):
        chunk_from([0, 4, slots], TOGETHER)


def test_plain_columns_are_stored_separately() -> None:
    schema = EpisodeSchema((REWARD, ColumnSpec("extras.a", "<f4", (), Encoding.PLAIN)))
    with pytest.raises(EpisodeFileCorruptError, match=r"column 'extras\.a' holds 0"):
        chunk_from([0, 4, [FOUR + FOUR, 0]], schema)


def test_bytes_that_do_not_fit_a_mask_are_corrupt_when_the_column_is_read() -> None:
    chunk = chunk_from([0, 4, [[b"\xe0", FOUR]]], SCHEMA)
    with pytest.raises(EpisodeFileCorruptError, match="expected 12 bytes for 3 steps"):
        chunk.column("reward")


def test_a_huge_shape_is_refused_before_memory_is_taken() -> None:
    for shape in ([2**31 - 1, 2**31 - 1], [0, 2**31 - 1, 2**31 - 1], [2**26]):
        with pytest.raises(EpisodeFileTooLargeError, match="one value of column"):
            chunk_from([0, 4, [None, b""], [["extras.a", "<f4", shape, "plain"]]], SCHEMA)


def test_a_chunk_of_a_million_lists_is_refused() -> None:
    with pytest.raises(EpisodeFileCorruptError, match="1000000 exceeds max_array_len"):
        decode_chunk(compress_frame(msgpack.packb([0, 4, [[]] * 1_000_000])), SCHEMA)
    with pytest.raises(EpisodeFileTooLargeError, match="more than 4096 lists and maps"):
        decode_chunk(compress_frame(msgpack.packb([0, 4, [[[]] * 4000] * 3])), SCHEMA)


def test_chunks_of_lanes_that_are_encoded_together_are_those_of_each_lane() -> None:
    columns = {spec.name: np.arange(12).reshape(3, 4).astype(spec.dtype) for spec in TOGETHER.columns}
    together = [chunk_of_slots(slots, first_step=7, n_steps=4) for slots in encode_lanes(TOGETHER, columns)]
    alone = [
        encode_chunk(
            TOGETHER,
            first_step=7,
            n_steps=4,
            columns={name: ColumnData(values[lane]) for name, values in columns.items()},
        )
        for lane in range(3)
    ]
    assert together == alone
