"""LZ4 and Zstandard frames with limits, checked before memory is allocated.

``lz4.frame.decompress`` allocates the size in the frame's header, so a 30-byte file could request a terabyte. Here the
header is checked first, and the end of a frame is found from the lengths of its blocks.

Source: LZ4 Frame Format Description, version 1.6.
"""

from __future__ import annotations

import lz4.frame

from recorder.errors import EpisodeFileCorruptError, EpisodeFileTooLargeError
from recorder.framing.zstd import ZSTD_MAGIC, compress_zstd, decompress_zstd, zstd_content_bytes, zstd_frame_end

__all__ = [
    "FRAME_MAGIC",
    "MAX_FRAME_BYTES",
    "MAX_FRAME_HEADER_BYTES",
    "as_lz4",
    "compress_frame",
    "compression_of",
    "content_bytes",
    "decompress_frame",
    "frame_end",
]

FRAME_MAGIC = b"\x04\x22\x4d\x18"

MAX_FRAME_BYTES = 128 * 2**20
"""Unpacked size of a frame. The recorder's chunks are about one MiB; a single huge step may need more."""

MAX_FRAME_HEADER_BYTES = 19

_MIN_FRAME_BYTES = 15
"""Magic, flags, content size, header checksum."""

_HAS_BLOCK_CHECKSUMS, _HAS_CONTENT_SIZE, _HAS_CONTENT_CHECKSUM, _HAS_DICTIONARY = 0x10, 0x08, 0x04, 0x01
"""Flags in the frame's fifth byte."""

_MAX_RATIO = 255
"""LZ4 can't compress better than 255:1; a frame that declares more is invalid."""


def compression_of(data: bytes | memoryview) -> str:
    """How these bytes are compressed: ``lz4`` or ``zstd`` if they begin with such a frame, else ``none``."""
    magic = bytes(data[:4])
    return "lz4" if magic == FRAME_MAGIC else "zstd" if magic == ZSTD_MAGIC else "none"


def as_lz4(data: bytes) -> bytes:
    """An LZ4 frame of what is in a frame, or of bytes without one."""
    match compression_of(data):
        case "lz4":
            return data
        case "zstd":
            return compress_frame(decompress_frame(data))
        case _:
            return compress_frame(data)


def compress_frame(data: bytes, compression: str = "lz4") -> bytes:
    """A frame with the size of its content and checksums.

    Args:
        compression: ``lz4`` or ``zstd``.

    Raises:
        MissingExtraError: ``zstd`` is not installed.

    LZ4's block checksums of the compressed bytes find the same damage as a content checksum, which takes six times as long as
    unpacking.
    """
    if compression == "zstd":
        return compress_zstd(data)
    return bytes(lz4.frame.compress(data, block_checksum=True, store_size=True))


def frame_end(data: bytes | memoryview, start: int = 0) -> int:
    """End of the frame at ``start``, from the lengths of its blocks.

    Raises:
        EpisodeFileCorruptError: there is no frame, or it is cut off.
    """
    if data[start : start + 4] == ZSTD_MAGIC:
        return zstd_frame_end(data, start)
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
    """Size of the content, from the frame's header.

    Raises:
        EpisodeFileCorruptError: not a frame, or without a size.
    """
    if frame[:4] == ZSTD_MAGIC:
        return zstd_content_bytes(frame)
    if len(frame) < _MIN_FRAME_BYTES or frame[:4] != FRAME_MAGIC:
        raise EpisodeFileCorruptError(f"not an LZ4 frame: {bytes(frame[:4])!r}")
    claimed = int.from_bytes(frame[6:14], "little") if frame[4] & _HAS_CONTENT_SIZE else 0
    if claimed == 0:
        raise EpisodeFileCorruptError("the LZ4 frame has no content size")
    return claimed


def decompress_frame(frame: bytes | memoryview, *, max_bytes: int = MAX_FRAME_BYTES) -> bytes:
    """Content of exactly one frame.

    Args:
        frame: the frame, without other bytes.
        max_bytes: limit on the content, checked first.

    Raises:
        EpisodeFileTooLargeError: the frame declares more than ``max_bytes``, or more than LZ4 can compress.
        EpisodeFileVersionError: a Zstandard frame, and the package for it is not installed.
        EpisodeFileCorruptError: not a frame, no size, a wrong checksum, or bytes after it.
    """
    claimed = content_bytes(frame)
    is_zstd = frame[:4] == ZSTD_MAGIC
    if claimed > max_bytes or (not is_zstd and claimed > len(frame) * _MAX_RATIO):
        raise EpisodeFileTooLargeError(
            f"a frame of {len(frame)} bytes declares {claimed} bytes of content; the limit is {max_bytes}"
        )
    if is_zstd:
        return decompress_zstd(frame, claimed)
    try:
        content, n_read = lz4.frame.decompress(frame, return_bytes_read=True)
    except RuntimeError as error:
        raise EpisodeFileCorruptError(f"an LZ4 frame of {len(frame)} bytes is damaged ({error})") from error
    if n_read != len(frame) or len(content) != claimed:
        raise EpisodeFileCorruptError(
            f"an LZ4 frame of {len(frame)} bytes ends after {n_read}, with {len(content)} of {claimed} bytes of content"
        )
    return bytes(content)
