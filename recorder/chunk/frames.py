"""LZ4 frames with bounds: nothing is allocated before the size that a frame claims has been checked.

``lz4.frame.decompress`` allocates what the frame's header says, so a 30-byte file could ask for a terabyte. Here the header is
read first, and the blocks are walked by their lengths to find where a frame ends.

Source: LZ4 Frame Format Description, version 1.6.
"""

from __future__ import annotations

import lz4.frame

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError

__all__ = [
    "FRAME_MAGIC",
    "MAX_FRAME_BYTES",
    "MAX_FRAME_HEADER_BYTES",
    "compress_frame",
    "content_bytes",
    "decompress_frame",
    "frame_end",
]

FRAME_MAGIC = b"\x04\x22\x4d\x18"

MAX_FRAME_BYTES = 128 * 2**20
"""Unpacked bytes of one frame. The recorder's own chunks stay near one MiB; a single huge step may need more."""

MAX_FRAME_HEADER_BYTES = 19

_MIN_FRAME_BYTES = 15
"""Magic, flags, content size, header checksum."""

_HAS_BLOCK_CHECKSUMS, _HAS_CONTENT_SIZE, _HAS_CONTENT_CHECKSUM, _HAS_DICTIONARY = 0x10, 0x08, 0x04, 0x01
"""The frame's flags, in its fifth byte."""

_MAX_RATIO = 255
"""LZ4 can't make anything smaller than a 255th: a frame that claims more is lying."""


def compress_frame(data: bytes) -> bytes:
    """One LZ4 frame with its content's size, and a checksum of each block.

    Not of the content: a checksum of the bytes as they lie finds the same damage, and these are a third of the content,
    whose checksum would take six times as long as unpacking it.
    """
    return bytes(lz4.frame.compress(data, block_checksum=True, store_size=True))


def frame_end(data: bytes | memoryview, start: int = 0) -> int:
    """Where the frame that starts at ``start`` ends, found by its blocks' lengths alone.

    Raises:
        EpisodeFileCorruptError: no frame starts there, or it is cut off.
    """
    if data[start : start + 4] != FRAME_MAGIC:
        raise EpisodeFileCorruptError(
            f"expected an LZ4 frame at byte {start}, found {bytes(data[start : start + 4])!r}"
        )
    flags = data[start + 4] if len(data) > start + 4 else 0
    block_checksum_bytes = 4 if flags & _HAS_BLOCK_CHECKSUMS else 0
    end = start + 7 + (8 if flags & _HAS_CONTENT_SIZE else 0) + (4 if flags & _HAS_DICTIONARY else 0)
    size = -1
    while size != 0:
        if end + 4 > len(data):
            raise EpisodeFileCorruptError(f"the LZ4 frame at byte {start} is cut off")
        size = int.from_bytes(data[end : end + 4], "little")
        end += 4
        if size != 0:
            end += (size & 0x7FFFFFFF) + block_checksum_bytes
    end += 4 if flags & _HAS_CONTENT_CHECKSUM else 0
    if end > len(data):
        raise EpisodeFileCorruptError(f"the LZ4 frame at byte {start} is cut off")
    return end


def content_bytes(frame: bytes | memoryview) -> int:
    """Bytes of content that a frame claims in its header.

    Raises:
        EpisodeFileCorruptError: it is not a frame, or states no size. Its header is all that is looked at.
    """
    if len(frame) < _MIN_FRAME_BYTES or frame[:4] != FRAME_MAGIC:
        raise EpisodeFileCorruptError(f"not an LZ4 frame: {bytes(frame[:4])!r}")
    claimed = int.from_bytes(frame[6:14], "little") if frame[4] & _HAS_CONTENT_SIZE else 0
    if claimed == 0:
        raise EpisodeFileCorruptError("an LZ4 frame does not state the size of its content")
    return claimed


def decompress_frame(frame: bytes | memoryview, *, max_bytes: int = MAX_FRAME_BYTES) -> bytes:
    """The content of exactly one frame.

    Args:
        frame: the frame and nothing behind it.
        max_bytes: larger content is refused before memory is taken.

    Raises:
        EpisodeFileTooLargeError: the frame claims more than ``max_bytes``, or more than LZ4 can pack into it.
        EpisodeFileCorruptError: it is not a frame, states no size, a checksum does not match, or bytes follow it.
    """
    claimed = content_bytes(frame)
    if claimed > max_bytes or claimed > len(frame) * _MAX_RATIO:
        raise EpisodeFileTooLargeError(
            f"an LZ4 frame of {len(frame)} bytes claims {claimed} bytes of content; at most {max_bytes} are read"
        )
    try:
        content, n_read = lz4.frame.decompress(frame, return_bytes_read=True)
    except RuntimeError as error:
        raise EpisodeFileCorruptError(f"an LZ4 frame of {len(frame)} bytes is damaged ({error})") from error
    if n_read != len(frame) or len(content) != claimed:
        raise EpisodeFileCorruptError(
            f"an LZ4 frame of {len(frame)} bytes ends after {n_read}, with {len(content)} of {claimed} bytes of content"
        )
    return bytes(content)
