"""Packs of short episodes: which are packed, and the catalog's rows of those that are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeAlias

from recorder.catalog import EpisodeToWrite
from recorder.episode import EpisodeStatus
from recorder.storage import Storage, build_pack, episode_path, is_pack, may_hold, pack_name, packed_sizes, run_folder
from worker.ingest.assemble import AssembledFile
from worker.ingest.context import IngestLimits

__all__ = ["MAX_EPISODE_BYTES", "PackedCopies", "choose_packed", "is_short", "pack_files", "packs_of"]

MAX_EPISODE_BYTES = 64 * 1024
"""Uncompressed size of an episode in a pack. One with more, such as a long ``info``, gets a file."""

_MAX_EPISODES = 128
"""In one pack: more save little, and a pack is written again when one of them is deleted. Readers accept many more."""

_MIN_EPISODES = 16
"""A pack of fewer saves little."""


File: TypeAlias = tuple[EpisodeToWrite, AssembledFile]


def choose_packed(rows: Collection[EpisodeToWrite], limits: IngestLimits) -> set[int]:
    """Ids of the episodes that go into a pack together; none if they are too few."""
    found = {row.episode_id for row in rows if is_short(row, limits)}
    return found if len(found) >= _MIN_EPISODES else set()


def is_short(row: EpisodeToWrite, limits: IngestLimits) -> bool:
    """Whether an episode may go into a pack.

    The file of a salvaged episode or of a later play is looked for by its name, so it goes into none.
    """
    is_plain = row.replaced_plays == 0 and row.status != EpisodeStatus.SALVAGED
    is_packable = limits.format == 2 and limits.compression != "none"
    return is_plain and is_packable and row.n_bytes < limits.pack_below_bytes


def packs_of(files: Mapping[int, File]) -> Iterator[dict[int, File]]:
    """Split files by episode id into those of one pack each."""
    items = iter(files.items())
    while part := dict(islice(items, _MAX_EPISODES)):
        yield part


def pack_files(run_id: str, files: Sequence[File]) -> tuple[str, bytes, list[AssembledFile]]:
    """Pack uncompressed files.

    Returns:
        The pack's name and bytes, and the files as parts of it.
    """
    folder = run_folder(run_id)
    pack = pack_name(folder, [(row.episode_id, row.play_id) for row, _ in files])
    members = {file.name.removeprefix(f"{folder}/"): file.data for _, file in files}
    data = build_pack(members)
    sizes = packed_sizes(data, members)
    packed = []
    for (_, file), member in zip(files, members, strict=True):
        name = f"{pack}/{member}"
        recording = replace(file.recording, file_path=name, compressed_size_bytes=sizes[member])
        packed.append(AssembledFile(name, file.data, recording, file.compression))
    return pack, data, packed


class PackedCopies:
    """What a killed worker may have left in the packs of a run. They are listed once, when first asked for.

    Args:
        storage: has the packs.
    """

    def __init__(self, storage: Storage, run_id: str) -> None:
        self._storage, self._run_id = storage, run_id
        self._packs: list[str] | None = None

    def names_of(self, episode_id: int) -> list[str]:
        """Names that the first play of an episode may have in packs; most of them don't exist.

        Raises:
            StorageError: the packs can't be listed.
        """
        folder = run_folder(self._run_id)
        if self._packs is None:
            self._packs = [name for name in self._storage.names(folder) if is_pack(name)]
        member = episode_path(self._run_id, episode_id, compression="none").removeprefix(f"{folder}/")
        return [f"{pack}/{member}" for pack in self._packs if may_hold(pack, episode_id)]
