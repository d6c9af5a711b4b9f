"""Opening a recording: which version it is, whether it is framed, and the limits of what is unpacked to find out."""

from __future__ import annotations

from pathlib import Path

from recorder.chunk import brief, decompress_frame, frame_end, unpack_bounded, unpack_sequence
from recorder.chunk.frames import FRAME_MAGIC
from recorder.episode_file import version1, version2
from recorder.episode_file.episode import Episode
from recorder.episode_file.version1 import Version1File
from recorder.episode_file.version2 import Version2File
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    EpisodeFileVersionError,
)
from recorder.storage import read_file

__all__ = ["MAX_FILE_BYTES", "open_episode"]

MAX_FILE_BYTES = 2 * 2**30


def open_episode(source: str | Path | bytes) -> Episode:
    """Open a recording.

    Args:
        source: a path, an fsspec URL, or the file's bytes.

    Raises:
        StorageError: the file is missing or can't be read.
        EpisodeFileVersionError: made by a newer version of this project.
        EpisodeFileCorruptError: not a recording, or a broken one.
        EpisodeFileTooLargeError: beyond the limits that FORMAT.md lists.
    """
    data = source if isinstance(source, bytes) else read_file(source, max_bytes=MAX_FILE_BYTES)
    try:
        return Episode(_parse_framed(data) if data[:4] == FRAME_MAGIC else _parse_bare(data))
    except EpisodeFileError as error:
        if isinstance(source, bytes):
            raise
        raise type(error)(f"{error}: {source}") from error


def _parse_framed(data: bytes) -> Version1File | Version2File:
    end = frame_end(data)
    is_alone = end == len(data)
    content = decompress_frame(
        data[:end], max_bytes=version1.MAX_CONTENT_BYTES if is_alone else version2.MAX_HEADER_BYTES
    )
    header = unpack_bounded(
        content, max_containers=version1.MAX_CONTAINERS if is_alone else version2.MAX_HEADER_CONTAINERS
    )
    if _version_of(header) == version2.VERSION:
        return version2.parse_version2(data, header, first_chunk=end, compression="lz4")
    if not is_alone:
        raise EpisodeFileCorruptError(f"version 1: {len(data) - end} bytes follow the frame")
    return version1.parse_version1(header, compression="lz4", unpacked_bytes=len(content))


def _parse_bare(data: bytes) -> Version1File | Version2File:
    # Of a version 2 file the header alone is unpacked here, of a version 1 file everything is.
    start = memoryview(data)[: version1.MAX_CONTENT_BYTES]
    first = next(unpack_sequence(start, max_containers=version1.MAX_CONTAINERS), None)
    if first is None:
        if len(data) > len(start):
            raise EpisodeFileTooLargeError(f"a version 1 recording of {len(data)} bytes without compression")
        raise EpisodeFileCorruptError("not a recording: neither an LZ4 frame nor a whole msgpack map")
    _, end, header = first
    if _version_of(header) == version2.VERSION:
        if end > version2.MAX_HEADER_BYTES:
            raise EpisodeFileTooLargeError(f"a header of {end} bytes, at most {version2.MAX_HEADER_BYTES} are read")
        return version2.parse_version2(data, header, first_chunk=end, compression="none")
    if end != len(data):
        raise EpisodeFileCorruptError(f"version 1: {len(data) - end} bytes follow the map")
    return version1.parse_version1(header, compression="none", unpacked_bytes=len(data))


def _version_of(header: object) -> int:
    if not isinstance(header, dict) or "version" not in header:
        raise EpisodeFileCorruptError("not a recording: its first object is not a map with a version")
    version = header["version"]
    if version not in (version1.VERSION, version2.VERSION):
        raise EpisodeFileVersionError(
            f"version {brief(version)} is not known to this reader, 1 and 2 are: update hamlet-recorder"
        )
    return int(version)
