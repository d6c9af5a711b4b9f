"""LZ4 frames and msgpack within bounds."""

from __future__ import annotations

import tracemalloc

import lz4.frame
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import EpisodeFileCorruptError, EpisodeFileError, EpisodeFileTooLargeError
from recorder.framing import compress_frame, content_bytes, decompress_frame, frame_end, unpack_bounded, unpack_sequence

_items = st.none() | st.integers(-5, 70_000) | st.binary(max_size=40) | st.lists(st.integers(0, 3), max_size=20)


def claiming(n_bytes: int) -> bytes:
    """A frame whose header claims ``n_bytes`` of content, checksum and all."""
    context = lz4.frame.create_compression_context()
    head = lz4.frame.compress_begin(context, source_size=n_bytes, content_checksum=True)
    return bytes(head) + bytes(4) + bytes(4)


@given(st.binary(min_size=1), st.binary())
def test_a_frame_round_trips_and_ends_where_the_next_one_begins(content: bytes, behind: bytes) -> None:
    frame = compress_frame(content)
    assert decompress_frame(frame) == content
    assert content_bytes(frame) == len(content)
    assert frame_end(frame + behind) == len(frame)
    assert frame_end(behind + frame, len(behind)) == len(behind) + len(frame)


def test_frames_of_other_writers_can_be_read() -> None:
    content = bytes(range(256)) * 1000
    for options in ({"block_checksum": True}, {"block_linked": False}, {"block_size": lz4.frame.BLOCKSIZE_MAX64KB}):
        frame = lz4.frame.compress(content, **options)
        assert frame_end(frame + b"x") == len(frame)
        assert decompress_frame(frame) == content


@pytest.mark.parametrize("n_bytes", [2**40, 2**63, 2**64 - 1, 2**27 + 1])
def test_a_frame_that_claims_too_much_is_refused_before_memory_is_taken(n_bytes: int) -> None:
    tracemalloc.start()
    with pytest.raises(EpisodeFileTooLargeError, match=f"declares {n_bytes} bytes"):
        decompress_frame(claiming(n_bytes))
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_a_frame_can_have_a_smaller_limit() -> None:
    with pytest.raises(EpisodeFileTooLargeError, match="the limit is 99"):
        decompress_frame(compress_frame(b"x" * 100), max_bytes=99)


def test_a_frame_without_a_size_is_corrupt() -> None:
    with pytest.raises(EpisodeFileCorruptError, match="has no content size"):
        decompress_frame(lz4.frame.compress(b"x" * 100, store_size=False))


def test_bytes_after_a_frame_are_corrupt() -> None:
    with pytest.raises(EpisodeFileCorruptError, match="ends after"):
        decompress_frame(compress_frame(b"x" * 100) + b"more")


def test_a_frame_cut_at_any_byte_is_corrupt() -> None:
    frame = compress_frame(b"the content " * 20)
    for length in range(len(frame)):
        with pytest.raises(EpisodeFileCorruptError):
            frame_end(frame[:length])
        with pytest.raises(EpisodeFileCorruptError):
            decompress_frame(frame[:length])


def test_a_frame_with_any_bit_flipped_is_an_error_or_the_same_content() -> None:
    content = b"the content " * 20
    frame = compress_frame(content)
    for index in range(len(frame)):
        for bit in range(8):
            flipped = bytearray(frame)
            flipped[index] ^= 1 << bit
            try:
                found = decompress_frame(bytes(flipped))
            except EpisodeFileError:
                continue
            assert found == content


def test_the_limit_of_containers_is_exact() -> None:
    data = msgpack.packb([["a long enough text"] * 3, {"key": []}])
    assert unpack_bounded(data, max_containers=4) == [["a long enough text"] * 3, {"key": []}]
    with pytest.raises(EpisodeFileTooLargeError, match="more than 3 lists and maps"):
        unpack_bounded(data, max_containers=3)


def test_a_bomb_of_a_hundred_thousand_empty_lists_is_refused_before_it_grows() -> None:
    bomb = b"\xdd" + (100_000).to_bytes(4, "big") + b"\x90" * 100_000
    tracemalloc.start()
    for max_containers in (100, 100_000):
        with pytest.raises(EpisodeFileError):
            unpack_bounded(bomb, max_containers=max_containers)
        with pytest.raises(EpisodeFileError):
            list(unpack_sequence(bomb, max_containers=max_containers))
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x91" * 2000,  # lists in lists in lists
        b"\xdd\xff\xff\xff\xff",  # 4 G elements announced
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x93\x01",
        b"\x01\x02",
        b"\x82\xa1a\x01",
        b"\x81\x93\x01\x02\x03\x01",  # a list as a key
        b"\xc7\x01\x05\x00",  # an ext type
        b"\xd6\xff\x00\x00\x00\x00",  # a timestamp
        b"\xa1\xff",  # no UTF-8
    ],
)
def test_anything_but_one_plain_msgpack_object_is_corrupt(data: bytes) -> None:
    with pytest.raises(EpisodeFileCorruptError, match="not msgpack"):
        unpack_bounded(data, max_containers=10_000)


@given(st.lists(_items | st.lists(_items), max_size=6), st.integers(0, 400))
def test_a_sequence_is_read_up_to_a_torn_tail(objects: list[object], length: int) -> None:
    packed = [msgpack.packb(item) for item in objects]
    data = b"".join(packed)[:length]
    found = list(unpack_sequence(data, max_containers=1000))
    assert [item for _, _, item in found] == objects[: len(found)]
    ends = [sum(map(len, packed[: n + 1])) for n in range(len(packed))]
    assert [end for _, end, _ in found] == [end for end in ends if end <= length]
