"""A chunk: up to 256 consecutive steps of an episode in columns, as an LZ4 frame with one msgpack array.

``[first_step, n_steps, slots]`` has a slot per column of the schema. ``[first_step, n_steps, slots, added]`` also
describes columns that the schema lacks, because a field appeared or changed its dtype or shape. A slot is nil (absent),
bytes (a value for every step), the index of an earlier slot (whose bytes hold these values, too) or ``[mask, bytes]``
(values for the steps whose bit is set). ``episode_file/FORMAT.md`` is the specification.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.chunk.columns import ColumnGroup, Stretch
from recorder.chunk.pictures import PictureReader
from recorder.chunk.placement import Placement, place, place_added
from recorder.errors import EpisodeFileCorruptError
from recorder.framing.frames import MAX_FRAME_BYTES, decompress_frame
from recorder.framing.unpacking import brief, unpack_bounded
from recorder.schema import MAX_COLUMNS, ColumnSpec, Encoding, EpisodeSchema

__all__ = [
    "MAX_CHUNK_BYTES",
    "MAX_CHUNK_CONTAINERS",
    "MAX_CHUNK_PICTURE_BYTES",
    "MAX_CHUNK_STEPS",
    "Chunk",
    "ColumnData",
    "LooseColumn",
    "chunk_from",
    "decode_chunk",
]

MAX_CHUNK_STEPS = 256
"""Steps in a chunk: enough to compress, few enough to seek."""

MAX_CHUNK_BYTES = 2**20
"""Unpacked size at which a chunk of large observations is closed early."""

MAX_CHUNK_PICTURE_BYTES = 32 * 2**20
"""The same for the pictures in it: the first picture of a chunk takes more than those that follow."""

MAX_CHUNK_CONTAINERS = 4 * MAX_COLUMNS
"""Lists in a chunk: two per added column, one per masked slot, and the outer ones."""


class ColumnData(NamedTuple):
    """Values of a column in a chunk."""

    values: NDArray[np.generic]
    """``dtype[n_present, *shape]``; of texts ``object[n_present]``, each a ``str``."""
    present: NDArray[np.bool_] | None = None
    """``bool[n_steps]``; None if every step has a value."""


class LooseColumn(NamedTuple):
    """A column outside the groups, because some steps have no value."""

    spec: ColumnSpec
    stretch: Stretch
    """The steps with a value."""
    present: NDArray[np.bool_] | None
    """``bool[n_steps]``; None if every step has a value."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """An unpacked chunk; its columns are decoded on demand.

    Args:
        names: columns with values in this chunk, in the order of the schema.
        placement: columns with a value for every step.
        data: bytes of each group in ``placement``.
        loose: the other columns.
    """

    first_step: int
    n_steps: int
    names: tuple[str, ...]
    placement: Placement
    data: tuple[bytes, ...]
    loose: Mapping[str, LooseColumn]
    _decoded: dict[str, ColumnData] = field(default_factory=dict, repr=False, compare=False)
    _readers: dict[str, PictureReader] = field(default_factory=dict, repr=False, compare=False)

    @property
    def n_bytes(self) -> int:
        """Size of its columns, not decoded."""
        return sum(map(len, self.data)) + sum(len(column.stretch.data) for column in self.loose.values())

    def stored_bytes(self, name: str) -> int:
        """Size of a column's slot, which it may share."""
        if name in self.loose:
            return len(self.loose[name].stretch.data)
        groups = zip(self.placement.groups, self.data, strict=True)
        return next((len(data) for (_, group), data in groups if name in group.names), 0)

    def only(self, names: Collection[str], placements: dict[Placement, Placement]) -> Chunk:
        """A copy without the bytes of other columns.

        Args:
            placements: cache; chunks with the same placement keep a common one if they share this dictionary.
        """
        placement = placements.get(self.placement)
        if placement is None:
            placement = placements[self.placement] = self.placement.only(names)
        kept = {slot for slot, _ in placement.groups}
        data = tuple(part for (slot, _), part in zip(self.placement.groups, self.data, strict=True) if slot in kept)
        loose = {name: column for name, column in self.loose.items() if name in names}
        return Chunk(self.first_step, self.n_steps, (*placement.names, *loose), placement, data, loose)

    def spec(self, name: str) -> ColumnSpec:
        """Description of a column in this chunk."""
        return self.loose[name].spec if name in self.loose else self.placement.specs[name]

    def column(self, name: str) -> ColumnData | None:
        """Values of a column; None if the chunk has none. Cached, except for pictures, which take too much memory.

        Raises:
            EpisodeFileCorruptError: the bytes don't match the column.
            EpisodeFileTooLargeError: pictures would exceed the limit of a chunk.
        """
        data = self._decoded.get(name)
        if (
            data is None
            and (data := self.columns([name]).get(name)) is not None
            and self.spec(name).encoding is not Encoding.XOR
        ):
            self._decoded[name] = data
        return data

    def value(self, name: str, row: int) -> Any:
        """One step's value of a column, ``dtype[*shape]`` or a number; None if it has none. Of pictures, only as many are
        unpacked as it takes.

        Args:
            row: counted from the chunk's first step.

        Raises:
            EpisodeFileCorruptError, EpisodeFileTooLargeError: as ``column``.
        """
        if name in self.names and self.spec(name).encoding is Encoding.XOR:
            return self._picture(name, row)
        data = self.column(name)
        if data is None or (data.present is not None and not data.present[row]):
            return None
        return data.values[row if data.present is None else int(data.present[:row].sum())]

    def present(self, name: str) -> NDArray[np.bool_]:
        """``bool[n_steps]``: which steps have a value of a column; no value is decoded."""
        if name in self.loose:
            mask = self.loose[name].present
            return np.ones(self.n_steps, np.bool_) if mask is None else mask
        return np.full(self.n_steps, name in self.placement.specs)

    def _picture(self, name: str, row: int) -> NDArray[Any] | None:
        loose = self.loose.get(name)
        mask = None if loose is None else loose.present
        if mask is not None and not mask[row]:
            return None
        reader = self._readers.get(name)
        if reader is None:
            if loose is not None:
                reader = PictureReader(loose.stretch.data, loose.stretch.n_steps, loose.spec)
            else:
                places = enumerate(self.placement.groups)
                index = next(index for index, (_, group) in places if name in group.names)
                reader = PictureReader(self.data[index], self.n_steps, self.placement.specs[name])
            self._readers[name] = reader
        return reader.picture(row if mask is None else int(mask[:row].sum()))

    def columns(self, names: Collection[str]) -> dict[str, ColumnData]:
        """Values of several columns, as far as the chunk has them; not cached.

        Raises:
            EpisodeFileCorruptError: the bytes don't match the columns.
        """
        found: dict[str, ColumnData] = {}
        for (_, group), data in zip(self.placement.groups, self.data, strict=True):
            wanted = [name for name in group.names if name in names]
            if wanted:
                decoded = group.decode([Stretch(self.n_steps, data)], wanted)
                found.update((name, ColumnData(values)) for name, values in decoded.items())
        for name, (spec, stretch, present) in self.loose.items():
            if name in names:
                found[name] = ColumnData(ColumnGroup([spec]).decode([stretch])[name], present)
        return found


def decode_chunk(frame: bytes | memoryview, schema: EpisodeSchema) -> Chunk:
    """Unpack a frame and check its structure; columns are checked when they are decoded.

    Raises:
        EpisodeFileCorruptError: not a chunk of this schema.
        EpisodeFileTooLargeError: it exceeds a limit.
    """
    content = decompress_frame(frame, max_bytes=MAX_FRAME_BYTES)
    return chunk_from(unpack_bounded(content, max_containers=MAX_CHUNK_CONTAINERS), schema)


def chunk_from(body: object, schema: EpisodeSchema) -> Chunk:
    """As ``decode_chunk``, from the unpacked array.

    Raises:
        EpisodeFileCorruptError: not a chunk of this schema.
        EpisodeFileTooLargeError: an added column exceeds a limit.
    """
    match body:
        case [int(first_step), int(n_steps), list(slots)]:
            columns = schema.columns
        case [int(first_step), int(n_steps), list(slots), list(added)]:
            columns = (*schema.columns, *(ColumnSpec.from_list(spec) for spec in added))
        case _:
            raise EpisodeFileCorruptError(f"chunk: expected [first_step, n_steps, slots], found {brief(body)}")
    if not 0 < n_steps <= MAX_CHUNK_STEPS or not 0 <= first_step < 2**63 - MAX_CHUNK_STEPS:
        raise EpisodeFileCorruptError(f"chunk: {n_steps} steps from step {first_step}")
    if len(slots) != len(columns):
        raise EpisodeFileCorruptError(f"chunk: {len(slots)} slots for {len(columns)} columns")
    pattern = tuple(
        [
            index if slot.__class__ is bytes else slot if slot.__class__ is int and slot != index else None
            for index, slot in enumerate(slots)
        ]
    )
    loose: dict[str, LooseColumn] = {}
    if None in pattern:
        for spec, slot, group_slot in zip(columns, slots, pattern, strict=True):
            if group_slot is None and slot is not None:
                loose[spec.name] = _loose(slot, spec, n_steps)
    has_schema_columns = columns is schema.columns
    placement = place(schema, pattern) if has_schema_columns else place_added(columns, pattern)
    if has_schema_columns and not loose:
        names = placement.names
    else:
        names = tuple(spec.name for spec, slot in zip(columns, slots, strict=True) if slot is not None)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise EpisodeFileCorruptError(f"chunk: column {twice!r} occurs twice")
    return Chunk(first_step, n_steps, names, placement, tuple(slots[slot] for slot, _ in placement.groups), loose)


def _loose(slot: object, spec: ColumnSpec, n_steps: int) -> LooseColumn:
    match slot:
        case [bytes(mask), bytes(data)] if len(mask) == (n_steps + 7) // 8:
            present = np.unpackbits(np.frombuffer(mask, np.uint8), count=n_steps).view(np.bool_)
            return LooseColumn(spec, Stretch(int(np.count_nonzero(present)), data), present)
        case _:
            raise EpisodeFileCorruptError(f"chunk: the slot of column {spec.name!r} holds {brief(slot)}")
