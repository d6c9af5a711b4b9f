"""Pictures to bytes and back: whole, as differences, as stacks that move on."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recorder.chunk import ColumnData, ColumnGroup, Stretch, choose_encoding, decode_chunk, encode_chunk
from recorder.chunk.pictures import PictureReader, encode_pictures
from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError
from recorder.framing import content_bytes
from recorder.schema import ColumnSpec, Encoding, EpisodeSchema
from recorder.values.picture_shape import picture_shape

RNG = np.random.default_rng(3)
N_STEPS = 60


def a_game(n_steps: int = N_STEPS, *, height: int = 84, width: int = 84, channels: int = 3) -> NDArray[np.uint8]:
    """A still background of noise with a square that moves."""
    background = RNG.integers(0, 256, (height, width, channels), np.uint8)
    pictures = np.repeat(background[None], n_steps, axis=0)
    for step in range(n_steps):
        place = step % (height - 8)
        pictures[step, place : place + 8, 10:18] = 255
    return pictures


def stacks_of(planes: NDArray[np.uint8], n: int, axis: int) -> NDArray[np.uint8]:
    """The last ``n`` planes before each step along an axis; before the first step, the first plane."""
    padded = np.concatenate([np.repeat(planes[:1], n - 1, axis=0), planes])
    return np.stack([np.concatenate(list(padded[t : t + n]), axis=axis) for t in range(len(planes))])


GREY = a_game(channels=1)[..., 0]
KINDS = {
    "rgb": a_game(height=210, width=160),
    "grey": GREY,
    "channel first": a_game().transpose(0, 3, 1, 2),
    "stack, first": stacks_of(GREY[:, None], 4, 0),
    "stack, last": stacks_of(GREY[..., None], 4, 2),
    "stack of rgb, last": stacks_of(a_game(), 3, 2),
    "stack of four axes": stacks_of(a_game()[:, None], 4, 0),
    "16 bit": GREY.astype(np.uint16) * 257,
    "noise": RNG.integers(0, 256, (8, 32, 32, 3), np.uint8),
    "one": a_game(1),
}


def spec_for(pictures: NDArray[Any]) -> ColumnSpec:
    return ColumnSpec("extras.observation", pictures.dtype.str, pictures.shape[1:], choose_encoding(pictures))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_come_back_as_they_were_all_or_one(kind: str) -> None:
    pictures = KINDS[kind]
    spec = spec_for(pictures)
    assert spec.encoding is Encoding.XOR
    data = ColumnGroup([spec]).encode([pictures])
    found = ColumnGroup([spec]).decode([Stretch(len(pictures), data)] * 2)[spec.name]
    assert found.dtype == pictures.dtype
    np.testing.assert_array_equal(found, np.concatenate([pictures, pictures]))
    reader = PictureReader(data, len(pictures), spec)
    for index in (0, len(pictures) - 1, len(pictures) // 2, len(pictures) // 2, len(pictures) // 3):
        np.testing.assert_array_equal(reader.picture(index), pictures[index])


def test_a_stack_takes_little_more_than_its_newest_plane() -> None:
    noise = RNG.integers(0, 256, (N_STEPS, 84, 84), np.uint8)
    for stack in (stacks_of(noise[:, None], 4, 0), stacks_of(noise[..., None], 4, 2)):
        assert len(encode_pictures(stack)) < 1.1 * noise.nbytes + stack[0].nbytes


def test_a_stack_that_does_not_move_on_is_stored_whole() -> None:
    stack = stacks_of(GREY[:, None], 4, 0)
    stack[20, 1, 5, 5] ^= 1
    stack[30] = RNG.integers(0, 256, stack.shape[1:], np.uint8)
    found = ColumnGroup([spec_for(stack)]).decode([Stretch(len(stack), encode_pictures(stack))])
    np.testing.assert_array_equal(found["extras.observation"], stack)


@given(st.data())
def test_any_pictures_come_back(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(16, 17), (16, 16, 3), (2, 16, 16), (16, 16, 4), (6, 17, 16), (2, 16, 16, 3)]))
    n_steps = data.draw(st.integers(1, 5))
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 4, (n_steps, *shape), np.uint8)
    for step in range(1, n_steps):
        if data.draw(st.booleans()):
            pictures[step] = pictures[step - 1]
        if data.draw(st.booleans()):
            pictures[step] = np.roll(pictures[step - 1], -1, data.draw(st.integers(0, len(shape) - 1)))
    spec = spec_for(pictures)
    reader = PictureReader(encode_pictures(pictures), n_steps, spec)
    for index in data.draw(st.lists(st.integers(0, n_steps - 1), max_size=6)):
        np.testing.assert_array_equal(reader.picture(index), pictures[index])


def test_a_chunk_unpacks_without_its_pictures_and_has_them_where_they_are() -> None:
    pictures = KINDS["rgb"]
    present = np.arange(N_STEPS) % 4 != 1
    schema = EpisodeSchema((spec_for(pictures), ColumnSpec("reward", "<f4", (), Encoding.PLANES)))
    rewards = np.arange(N_STEPS, dtype=np.float32)
    columns = {
        "extras.observation": ColumnData(pictures[present], present),
        "reward": ColumnData(rewards),
    }
    frame = encode_chunk(schema, first_step=0, n_steps=N_STEPS, columns=columns)
    assert content_bytes(frame) < 0.1 * pictures[present].nbytes
    chunk = decode_chunk(frame, schema)
    np.testing.assert_array_equal(chunk.present("extras.observation"), present)
    assert chunk.value("extras.observation", 1) is None
    np.testing.assert_array_equal(chunk.value("extras.observation", 2), pictures[2])
    assert chunk.value("reward", 5) == 5
    column = chunk.column("extras.observation")
    assert column is not None
    np.testing.assert_array_equal(column.values, pictures[present])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:100], "bytes for 60 pictures"),
        (lambda data: data + b"x", "end at byte"),
        (lambda data: data[:-1], "end at byte"),
        (lambda data: b"\x05\x01" + data[2:], "a stack of shape"),
        (lambda data: b"\x02\x00" + data[2:], "a stack of shape"),
        (lambda data: data[:4] + struct.pack("<I", int.from_bytes(data[4:8], "little") | 1 << 30) + data[8:], "first"),
        (lambda data: data[:8] + struct.pack("<I", int.from_bytes(data[8:12], "little") | 3 << 30) + data[12:], "kind"),
    ],
)
def test_damaged_pictures_are_refused(damage: Any, message: str) -> None:
    pictures = KINDS["channel first"]
    with pytest.raises(EpisodeFileCorruptError, match=message):
        PictureReader(damage(encode_pictures(pictures)), N_STEPS, spec_for(pictures))


def test_a_block_of_another_size_is_refused_when_it_is_read() -> None:
    pictures = KINDS["grey"]
    reader = PictureReader(encode_pictures(pictures), N_STEPS, spec_for(pictures[:, :80]))
    with pytest.raises(EpisodeFileCorruptError, match="picture 0"):
        reader.picture(3)


def test_pictures_of_a_chunk_are_bounded_before_they_are_unpacked() -> None:
    spec = ColumnSpec("extras.observation", "|u1", (4000, 4000, 3), Encoding.XOR)
    with pytest.raises(EpisodeFileTooLargeError, match="3 pictures of 48000000 bytes in one chunk"):
        PictureReader(b"", 3, spec)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((210, 160, 3), (210, 160, 3, 1)),
        ((3, 96, 96), (96, 96, 3, 1)),
        ((84, 84), (84, 84, 1, 1)),
        ((84, 84, 1), (84, 84, 1, 1)),
        ((4, 84, 84), (84, 84, 1, 4)),
        ((84, 84, 4), (84, 84, 1, 4)),
        ((84, 84, 12), (84, 84, 3, 4)),
        ((4, 210, 160, 3), (210, 160, 3, 4)),
        ((4, 3, 64, 64), (64, 64, 3, 4)),
        ((7, 7, 3), None),
        ((10, 10), None),
        ((0, 84, 3), None),
        ((84, 84, 0), None),
        ((84,), None),
        ((84, 84, 84), None),
        ((2, 2, 84, 84, 3), None),
        ((4, 84, 84, 4), None),
    ],
)
def test_a_shape_is_that_of_pictures_or_of_numbers(shape: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    found = picture_shape("|u1", shape)
    assert expected == (None if found is None else found[:4])
