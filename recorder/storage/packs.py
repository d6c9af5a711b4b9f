"""Packs: files that hold many short recordings. See ``FORMAT.md`` of the episode file.

A recording in a pack has the name of the pack, a slash, and its name in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping

import msgpack

from recorder.errors import EpisodeFileCorruptError, EpisodeFileVersionError
from recorder.framing import brief, compress_frame, decompress_frame, unpack_bounded

__all__ = [
    "MAX_PACKED",
    "MAX_PACK_BYTES",
    "PACK_SUFFIX",
    "build_pack",
    "is_pack",
    "may_hold",
    "pack_name",
    "packed_sizes",
    "read_pack",
    "split_packed",
]

PACK_SUFFIX = ".pack.lz4"
MAX_PACK_BYTES = 64 * 2**20
"""Unpacked. Workers write less than one MiB."""
MAX_PACKED = 4096

_VERSION = 1
_PACK = re.compile(r"(?:.*/)?episode_[^/]*\.pack\.lz4", re.DOTALL)
_RANGE = re.compile(r"(?:.*/)?episode_(-?\d+)-(-?\d+)_[0-9a-f]{12}\.pack\.lz4", re.DOTALL)
_MEMBER = re.compile(r"episode_[^/]*\.msgpack")
_PACKED = re.compile(rf"((?:.*/)?episode_[^/]*\.pack\.lz4)/({_MEMBER.pattern})", re.DOTALL)


def is_pack(name: str) -> bool:
    """Whether this is the name of a pack."""
    return _PACK.fullmatch(name) is not None


def split_packed(name: str) -> tuple[str, str] | None:
    """The pack of a recording and its name in it; None if the name is that of a whole file."""
    found = _PACKED.fullmatch(name)
    return None if found is None else (found[1], found[2])


def pack_name(folder: str, plays: Collection[tuple[int, int]]) -> str:
    """Name of a pack in a run's folder.

    Args:
        plays: episode id and play id of each recording in it.
    """
    episode_ids = [episode_id for episode_id, _ in plays]
    digest = hashlib.blake2b(repr(sorted(plays)).encode(), digest_size=6).hexdigest()
    return f"{folder}/episode_{min(episode_ids):06d}-{max(episode_ids):06d}_{digest}{PACK_SUFFIX}"


def may_hold(pack: str, episode_id: int) -> bool:
    """Whether a pack that a worker named so may hold the episode."""
    found = _RANGE.fullmatch(pack)
    return found is not None and int(found[1]) <= episode_id <= int(found[2])


def build_pack(episodes: Mapping[str, bytes]) -> bytes:
    """Build a pack of uncompressed version 2 files by their names."""
    return compress_frame(msgpack.packb({"pack": _VERSION, "episodes": dict(episodes)}))


def packed_sizes(pack: bytes, episodes: Mapping[str, bytes]) -> dict[str, int]:
    """The share of each recording in the bytes of its pack; the sum is the size of the pack."""
    n_bytes = sum(map(len, episodes.values()))
    sizes: dict[str, int] = {}
    n_done = taken = 0
    for name, data in episodes.items():
        n_done += len(data)
        up_to_here = len(pack) * n_done // n_bytes
        sizes[name] = up_to_here - taken
        taken = up_to_here
    return sizes


def read_pack(data: bytes) -> dict[str, bytes]:
    """The recordings in a pack by their names.

    Raises:
        EpisodeFileCorruptError: not a pack, or damaged.
        EpisodeFileTooLargeError: beyond the limits in FORMAT.md.
        EpisodeFileVersionError: written by a newer version of this project.
    """
    content = unpack_bounded(decompress_frame(data, max_bytes=MAX_PACK_BYTES), max_containers=MAX_PACKED)
    if not isinstance(content, dict) or "pack" not in content:
        raise EpisodeFileCorruptError(f"not a pack of recordings: {brief(content)}")
    if content["pack"] != _VERSION:
        raise EpisodeFileVersionError(
            f"unknown version {brief(content['pack'])} of a pack, expected {_VERSION}: update hamlet-recorder"
        )
    episodes = content.get("episodes")
    if not isinstance(episodes, dict) or not all(
        isinstance(name, str) and _MEMBER.fullmatch(name) and isinstance(data, bytes) for name, data in episodes.items()
    ):
        raise EpisodeFileCorruptError(f"the pack's 'episodes' is not a map of names to bytes: {brief(episodes)}")
    return episodes
