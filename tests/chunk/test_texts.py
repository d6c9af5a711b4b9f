"""Texts to bytes and back."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.chunk import ColumnData, ColumnGroup, Stretch, decode_chunk, encode_chunk, spec_of
from recorder.chunk.texts import decode_texts, encode_texts
from recorder.errors import EpisodeFileCorruptError, EpisodeFileVersionError
from recorder.schema import ColumnSpec, EpisodeSchema

SPEC = ColumnSpec.of_texts("extras.mission")
TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=30)


@given(TEXTS, st.lists(st.booleans(), min_size=30, max_size=30))
def test_texts_come_back_whatever_they_are(texts: list[str], repeats: list[bool]) -> None:
    texts = [texts[max(at - 1, 0)] if repeats[at] else text for at, text in enumerate(texts)]
    assert decode_texts(encode_texts(texts), len(texts), SPEC).tolist() == texts
    stored = np.array([text.replace("\0", "").encode() for text in texts], "S100")
    assert decode_texts(encode_texts(stored.tolist()), len(texts), SPEC).tolist() == [
        t.replace("\0", "") for t in texts
    ]


@given(TEXTS.filter(bool), st.data())
def test_a_chunk_holds_texts_that_some_steps_lack(texts: list[str], data: st.DataObject) -> None:
    present = np.array([True, *(data.draw(st.booleans()) for _ in texts[1:])])
    values = np.array([*texts, None], np.object_)[:-1]
    columns = {"extras.mission": ColumnData(values[present], present), "extras.all": ColumnData(values)}
    schema = EpisodeSchema(tuple(spec_of(name, column.values) for name, column in columns.items()))
    chunk = decode_chunk(encode_chunk(schema, first_step=0, n_steps=len(texts), columns=columns), schema)
    assert [chunk.value("extras.all", row) for row in range(len(texts))] == texts
    expected = [text if is_present else None for text, is_present in zip(texts, present, strict=True)]
    assert [chunk.value("extras.mission", row) for row in range(len(texts))] == expected


def test_a_repeated_text_takes_a_few_bytes_in_the_file_and_none_in_memory() -> None:
    data = encode_texts(["x" * 1000] * 256)
    assert len(data) == 256 * 4 + 1000
    found = decode_texts(data, 256, SPEC)
    assert all(text is found[0] for text in found)


def test_successive_stretches_are_joined() -> None:
    stretches = [Stretch(2, encode_texts(["a", "a"])), Stretch(1, encode_texts(["a"])), Stretch(0, b"")]
    assert ColumnGroup([SPEC]).decode(stretches)["extras.mission"].tolist() == ["a", "a", "a"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\0\0\0", "3 bytes for 1 texts"),
        (struct.pack("<I", 2**32 - 1), "refers to one before it"),
        (struct.pack("<I", 5) + b"four", "text 0 ends at byte 9 of 8"),
        (struct.pack("<I", 3) + b"four", "its texts end at byte 7 of 8"),
        (struct.pack("<I", 1) + b"\xff", "no UTF-8"),
        (struct.pack("<I", 3) + b"\xed\xa0\x80", "no UTF-8"),
    ],
)
def test_damaged_texts_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(EpisodeFileCorruptError, match=problem):
        decode_texts(data, 1, SPEC)


@pytest.mark.parametrize("column", [["reward", "|u1", []], ["extras.a", "<u2", []], ["extras.a", "|u1", [2]]])
def test_only_extras_can_be_texts(column: list[object]) -> None:
    with pytest.raises(EpisodeFileCorruptError, match="encoding 'text'"):
        ColumnSpec.from_list([*column, "text"])


def test_a_reader_that_does_not_know_an_encoding_of_bytes_asks_for_an_update() -> None:
    with pytest.raises(EpisodeFileVersionError, match="update"):
        ColumnSpec.from_list([*SPEC.to_list()[:3], "text of a later version"])
