"""Opens a recording: detects version and framing, within limits."""

from __future__ import annotations

from pathlib import Path

from recorder.episode_file import version1, version2
from recorder.episode_file.episode import Episode
from recorder.episode_file.version1 import Version1File
from recorder.episode_file.version2 import ReadLimits, Version2File
from recorder.errors import (
    EpisodeFileCorruptError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    EpisodeFileVersionError,
)
from recorder.framing import PACK_TAG, brief, compression_of, decompress_frame, frame_end, split_map, unpack_bounded
from recorder.framing.unpacking import SplitMap
from recorder.storage import read_file

__all__ = ["MAX_FILE_BYTES", "open_episode"]

MAX_FILE_BYTES = 2 * 2**30

_IS_PACK = "this is a pack of many recordings: add a slash and the name of one, such as /episode_000500.msgpack"


def open_episode(source: str | Path | bytes, *, limits: ReadLimits | None = None) -> Episode:
    """Open a recording.

    Args:
        source: path, fsspec URL, or the file's bytes.
        limits: stricter limits than those in FORMAT.md, to save memory and time.

    Raises:
        StorageError: the file is missing or can't be read.
        EpisodeFileVersionError: written by a newer version of this project.
        EpisodeFileCorruptError: not a recording, or damaged.
        EpisodeFileTooLargeError: beyond the limits in FORMAT.md.
    """
    data = source if isinstance(source, bytes) else read_file(source, max_bytes=MAX_FILE_BYTES)
    try:
        parse = _parse_bare if compression_of(data) == "none" else _parse_framed
        return Episode(parse(data, limits or ReadLimits()))
    except EpisodeFileError as error:
        if isinstance(source, bytes):
            raise
        raise type(error)(f"{error}: {source}") from error


def _parse_framed(data: bytes, limits: ReadLimits) -> Version1File | Version2File:
    end = frame_end(data)
    compression = compression_of(data)
    if end < len(data):
        content = decompress_frame(data[:end], max_bytes=version2.MAX_HEADER_BYTES)
        header = unpack_bounded(content, max_containers=version2.MAX_HEADER_CONTAINERS)
        if _version_of(header) == version2.VERSION:
            return version2.parse_version2(data, header, first_chunk=end, compression=compression, limits=limits)
        raise EpisodeFileCorruptError(f"version 1: {len(data) - end} bytes follow the frame")
    content = decompress_frame(data, max_bytes=min(version1.MAX_CONTENT_BYTES, limits.total_bytes))
    found = split_map(content, "steps", max_values=version1.MAX_CONTAINERS)
    if found is None:
        raise EpisodeFileCorruptError("not msgpack: the map is cut off")
    version = _version_of(found.rest)
    if found.end != len(content):
        raise EpisodeFileCorruptError(f"not msgpack: {len(content) - found.end} bytes follow the map")
    if version == version2.VERSION:
        return version2.parse_version2(data, found.rest, first_chunk=end, compression=compression, limits=limits)
    return _version1(content, found, compression, limits)


def _parse_bare(data: bytes, limits: ReadLimits) -> Version1File | Version2File:
    if data.startswith(PACK_TAG):
        raise EpisodeFileCorruptError(_IS_PACK)
    # This unpacks only the header of a version 2 file, or a version 1 file without its steps.
    start = memoryview(data)[: version1.MAX_CONTENT_BYTES]
    found = split_map(start, "steps", max_values=version1.MAX_CONTAINERS)
    if found is None:
        if len(data) > len(start):
            raise EpisodeFileTooLargeError(
                f"the uncompressed version 1 recording has {len(data)} bytes; the limit is {len(start)}"
            )
        raise EpisodeFileCorruptError("not a recording: neither an LZ4 frame nor a whole msgpack map")
    if _version_of(found.rest) == version2.VERSION:
        if found.end > version2.MAX_HEADER_BYTES:
            raise EpisodeFileTooLargeError(
                f"the header has {found.end} bytes; the limit is {version2.MAX_HEADER_BYTES}"
            )
        return version2.parse_version2(data, found.rest, first_chunk=found.end, compression="none", limits=limits)
    if found.end != len(data):
        raise EpisodeFileCorruptError(f"version 1: {len(data) - found.end} bytes follow the map")
    return _version1(data, found, "none", limits)


def _version1(content: bytes, found: SplitMap, compression: str, limits: ReadLimits) -> Version1File:
    if found.list_at is None:
        raise EpisodeFileCorruptError("version 1: 'steps' is missing")
    packed = memoryview(content)[found.list_at : found.list_end]
    return version1.parse_version1(
        found.rest, packed, compression=compression, unpacked_bytes=found.end, max_bytes=limits.column_bytes
    )


def _version_of(header: object) -> int:
    if isinstance(header, dict) and "pack" in header:
        raise EpisodeFileCorruptError(_IS_PACK)
    if not isinstance(header, dict) or "version" not in header:
        raise EpisodeFileCorruptError("not a recording: its first object is not a map with a version")
    version = header["version"]
    if version not in (version1.VERSION, version2.VERSION):
        raise EpisodeFileVersionError(f"unknown version {brief(version)}, expected 1 or 2: update hamlet-recorder")
    return int(version)
