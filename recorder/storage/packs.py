"""Packs: files that hold many short recordings. See ``FORMAT.md`` of the episode file.

A recording in a pack has the name of the pack, a slash, and its name in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import msgpack

from recorder.errors import EpisodeFileCorruptError, EpisodeFileError, EpisodeFileTooLargeError, EpisodeFileVersionError
from recorder.framing import (
    PACK_TAG,
    Record,
    brief,
    build_record,
    compression_of,
    decompress_frame,
    find_records,
    unpack_bounded,
)

__all__ = [
    "MAX_PACKED",
    "MAX_PACK_BYTES",
    "PACK_SUFFIX",
    "Pack",
    "build_pack",
    "is_pack",
    "may_hold",
    "naming",
    "pack_name",
    "packed_sizes",
    "read_pack",
    "split_packed",
]

PACK_SUFFIX = ".pack.lz4"
MAX_PACK_BYTES = 64 * 2**20
"""Unpacked. Workers write less than one MiB."""
MAX_PACKED = 4096

_VERSION = 2
_DIRECTORY, _EPISODE = PACK_TAG, b"HMLR"

_N_WORDS_OF, _MAX_WORDS = 4, 2048
"""The dictionary is the beginnings of so many recordings: more make the pack larger."""

_PACK = re.compile(r"(?:.*/)?episode_[^/]*\.pack\.lz4", re.DOTALL)
_RANGE = re.compile(r"(?:.*/)?episode_(-?\d+)-(-?\d+)_[0-9a-f]{12}\.pack\.lz4", re.DOTALL)
_MEMBER = re.compile(r"episode_[^/]*\.msgpack")
_PACKED = re.compile(rf"((?:.*/)?episode_[^/]*\.pack\.lz4)/({_MEMBER.pattern})", re.DOTALL)


@contextmanager
def naming(location: str) -> Iterator[None]:
    """Add the place of a pack to errors of reading it."""
    try:
        yield
    except EpisodeFileError as error:
        raise type(error)(f"{error}: {location}") from error


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


def build_pack(episodes: Mapping[str, bytes], *, lost: Collection[str] = ()) -> bytes:
    """Build a pack of uncompressed version 2 files by their names.

    Args:
        lost: names of further ones, which were damaged.
    """
    contents = [bytes([len(name)]) + name.encode() + data for name, data in episodes.items()]
    some = contents[:: max(1, len(contents) // _N_WORDS_OF)][:_N_WORDS_OF]
    words = b"".join(content[:_MAX_WORDS] for content in some)
    directory = {"pack": _VERSION, "episodes": [*episodes, *lost], "dictionary": words}
    ends = build_record(_DIRECTORY, msgpack.packb(directory))
    return b"".join([ends, *(build_record(_EPISODE, content, words) for content in contents), ends])


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


class Pack(NamedTuple):
    """The recordings in a pack by their names, and those that are damaged."""

    episodes: Mapping[str, bytes]
    lost: frozenset[str] = frozenset()
    """Names of those whose bytes are damaged."""
    damaged_at: Sequence[int] = ()
    """Where bytes begin that belong to nothing."""

    def get(self, name: str) -> bytes | None:
        """A recording; None if it is not in the pack.

        Raises:
            EpisodeFileCorruptError: it is damaged.
        """
        if name in self.lost:
            places = ", ".join(map(str, self.damaged_at[:8])) or "unknown"
            raise EpisodeFileCorruptError(f"this recording of the pack is damaged; bytes where the pack is: {places}")
        return self.episodes.get(name)

    @property
    def names(self) -> list[str]:
        """Of all, the damaged ones last."""
        return [*self.episodes, *sorted(self.lost)]


def read_pack(data: bytes) -> Pack:
    """The recordings in a pack. One that is damaged hides no other.

    Raises:
        EpisodeFileCorruptError: not a pack, or so damaged that nothing of it can be read.
        EpisodeFileTooLargeError: beyond the limits in FORMAT.md.
        EpisodeFileVersionError: written by a newer version of this project.
    """
    if compression_of(data) == "lz4":
        return _read_version1(data)
    records, damaged_at = find_records(data, (_DIRECTORY, _EPISODE))
    directories = [record for record in records if record.tag == _DIRECTORY]
    if not directories:
        what = "both copies of its directory are damaged" if records else "not a pack of recordings"
        raise EpisodeFileCorruptError(f"the pack can't be read: {what}")
    names, words = _directory(directories[0])
    if sum(record.n_bytes for record in records) > MAX_PACK_BYTES:
        raise EpisodeFileTooLargeError(f"the pack would unpack to more than the limit of {MAX_PACK_BYTES} bytes")
    episodes: dict[str, bytes] = {}
    for record in records:
        if record.tag == _EPISODE:
            content = record.content(words)
            length = content[0] if content else 0
            episodes[content[1 : length + 1].decode(errors="replace")] = content[length + 1 :]
    if strangers := episodes.keys() - names.keys():
        raise EpisodeFileCorruptError(f"the pack has recordings that its directory lacks: {brief(sorted(strangers))}")
    return Pack(
        {name: episodes[name] for name in names if name in episodes},
        frozenset(names.keys() - episodes.keys()),
        damaged_at,
    )


def _directory(record: Record) -> tuple[dict[str, None], bytes]:
    content = unpack_bounded(record.content(), max_containers=MAX_PACKED)
    if not isinstance(content, dict) or "pack" not in content:
        raise EpisodeFileCorruptError(f"not the directory of a pack: {brief(content)}")
    _check_version(content["pack"], _VERSION)
    names, words = content.get("episodes"), content.get("dictionary")
    if not isinstance(names, list) or not all(isinstance(name, str) and _MEMBER.fullmatch(name) for name in names):
        raise EpisodeFileCorruptError(f"the pack's 'episodes' is not a list of names: {brief(names)}")
    if not isinstance(words, bytes):
        raise EpisodeFileCorruptError(f"the pack's 'dictionary' is not bytes: {brief(words)}")
    return dict.fromkeys(names), words


def _read_version1(data: bytes) -> Pack:
    """One frame of a map: it can be read as a whole, or not."""
    content = unpack_bounded(decompress_frame(data, max_bytes=MAX_PACK_BYTES), max_containers=MAX_PACKED)
    if not isinstance(content, dict) or "pack" not in content:
        raise EpisodeFileCorruptError(f"not a pack of recordings: {brief(content)}")
    _check_version(content["pack"], 1)
    episodes = content.get("episodes")
    if not isinstance(episodes, dict) or not all(
        isinstance(name, str) and _MEMBER.fullmatch(name) and isinstance(data, bytes) for name, data in episodes.items()
    ):
        raise EpisodeFileCorruptError(f"the pack's 'episodes' is not a map of names to bytes: {brief(episodes)}")
    return Pack(episodes)


def _check_version(found: object, expected: int) -> None:
    if found != expected:
        raise EpisodeFileVersionError(f"unknown version {brief(found)} of a pack: update hamlet-recorder")
