"""Zstandard frames: their extent and the size of their content, read here; their content, by the package ``zstandard``.

Source: RFC 8878, sections 3.1.1.1 (frame header) and 3.1.1.2 (blocks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recorder.errors import EpisodeFileCorruptError, EpisodeFileVersionError, MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["ZSTD_MAGIC", "check_zstd", "compress_zstd", "decompress_zstd", "zstd_content_bytes", "zstd_frame_end"]

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_LEVEL = 3
"""Higher ones take several times as long for a few per cent."""

_HAS_CHECKSUM, _IS_SINGLE_SEGMENT = 0x04, 0x20
_DICTIONARY_ID_BYTES = (0, 1, 2, 4)
_SIZE_BYTES = (0, 2, 4, 8)
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3


def check_zstd() -> None:
    """Check that frames can be written.

    Raises:
        MissingExtraError: the package is not installed.
    """
    if _package() is None:
        raise MissingExtraError("compression: zstd", "zstd")


def compress_zstd(data: bytes) -> bytes:
    """A frame with the size of its content and a checksum.

    Raises:
        MissingExtraError: the package is not installed.
    """
    package: Any = _package()
    if package is None:
        raise MissingExtraError("compression: zstd", "zstd")
    return bytes(package.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True).compress(data))


def decompress_zstd(frame: bytes | memoryview, n_bytes: int) -> bytes:
    """Content of exactly one frame.

    Args:
        n_bytes: its size, by ``zstd_content_bytes``.

    Raises:
        EpisodeFileVersionError: the package is not installed.
        EpisodeFileCorruptError: the frame is damaged, or bytes follow it.
    """
    package: Any = _package()
    if package is None:
        raise EpisodeFileVersionError(
            "the recording is compressed with zstd, which can't be read here: pip install 'hamlet-recorder[zstd]'"
        )
    if zstd_frame_end(frame) != len(frame):
        raise EpisodeFileCorruptError(f"a Zstandard frame of {len(frame)} bytes ends before them")
    try:
        content = bytes(package.ZstdDecompressor().decompress(frame, max_output_size=n_bytes))
    except package.ZstdError as error:
        raise EpisodeFileCorruptError(f"a Zstandard frame of {len(frame)} bytes is damaged ({error})") from error
    if len(content) != n_bytes:
        raise EpisodeFileCorruptError(f"a Zstandard frame has {len(content)} of {n_bytes} bytes of content")
    return content


def zstd_content_bytes(frame: bytes | memoryview) -> int:
    """Size of the content, from the frame's header.

    Raises:
        EpisodeFileCorruptError: not a frame, or without a size.
    """
    _, start, n_size_bytes = _header(frame, 0)
    size = int.from_bytes(frame[start - n_size_bytes : start], "little") + (256 if n_size_bytes == 2 else 0)
    if not n_size_bytes or not size or start > len(frame):
        raise EpisodeFileCorruptError("the Zstandard frame has no content size")
    return size


def zstd_frame_end(data: bytes | memoryview, start: int = 0) -> int:
    """End of the frame at ``start``, from the lengths of its blocks.

    Raises:
        EpisodeFileCorruptError: there is no frame, or it is cut off.
    """
    descriptor, end, _ = _header(data, start)
    is_last = False
    while not is_last:
        if end + 3 > len(data):
            raise EpisodeFileCorruptError(f"the Zstandard frame at byte {start} is cut off")
        block = int.from_bytes(data[end : end + 3], "little")
        is_last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        if kind == _RESERVED_BLOCK:
            raise EpisodeFileCorruptError(f"the Zstandard frame at byte {start} has a block of an unknown kind")
        end += 3 + (1 if kind == _RLE_BLOCK else size)
    end += 4 if descriptor & _HAS_CHECKSUM else 0
    if end > len(data):
        raise EpisodeFileCorruptError(f"the Zstandard frame at byte {start} is cut off")
    return end


def _header(data: bytes | memoryview, start: int) -> tuple[int, int, int]:
    """The frame's descriptor, the end of its header, and how many bytes at this end are the content's size."""
    if data[start : start + 4] != ZSTD_MAGIC or len(data) < start + 5:
        raise EpisodeFileCorruptError(
            f"expected a Zstandard frame at byte {start}, found {bytes(data[start : start + 4])!r}"
        )
    descriptor = data[start + 4]
    is_single = bool(descriptor & _IS_SINGLE_SEGMENT)
    n_size_bytes = _SIZE_BYTES[descriptor >> 6] or int(is_single)
    return descriptor, start + 5 + (not is_single) + _DICTIONARY_ID_BYTES[descriptor & 3] + n_size_bytes, n_size_bytes


def _package() -> ModuleType | None:
    try:
        import zstandard  # optional
    except ImportError:
        return None
    return zstandard
