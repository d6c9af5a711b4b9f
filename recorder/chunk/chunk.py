"""One chunk: up to 256 consecutive steps of one episode, in columns, as one LZ4 frame around one msgpack array.

``[first_step, n_steps, slots]``, a slot a column of the schema; ``[first_step, n_steps, slots, added]`` when the chunk has
columns of its own, because a field appeared, or changed its dtype or shape, in mid-episode. A slot is nil (absent), bytes
(a value for every step) or ``[mask, bytes]`` (values for the steps whose bit is set). The specification is
``episode_file/FORMAT.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgpack
import numpy as np
from numpy.typing import NDArray

from recorder.chunk.columns import Part, choose_encoding, decode_columns, encode_column
from recorder.chunk.frames import MAX_FRAME_BYTES, compress_frame, decompress_frame
from recorder.chunk.unpacking import unpack_bounded
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import MAX_COLUMNS, ColumnSpec, EpisodeSchema

__all__ = [
    "MAX_CHUNK_BYTES",
    "MAX_CHUNK_CONTAINERS",
    "MAX_CHUNK_STEPS",
    "Chunk",
    "ColumnData",
    "Slot",
    "chunk_from",
    "decode_chunk",
    "encode_chunk",
    "spec_of",
]

MAX_CHUNK_STEPS = 256
"""Steps in one chunk: long enough for LZ4, short enough to seek by."""

MAX_CHUNK_BYTES = 2**20
"""Unpacked bytes at which a chunk of large observations is closed early."""

MAX_CHUNK_CONTAINERS = 4 * MAX_COLUMNS
"""Lists in a chunk: two for each added column, one for each masked slot, and the outer ones."""


@dataclass(frozen=True, slots=True)
class ColumnData:
    """The values of one column in one chunk.

    Args:
        values: ``dtype[n_present, *shape]``.
        present: ``bool[n_steps]``, or None when every step has a value.
    """

    values: NDArray[np.generic]
    present: NDArray[np.bool_] | None = None


def spec_of(name: str, values: NDArray[np.generic]) -> ColumnSpec:
    """The column that these values need, with the encoding that suits them best."""
    return ColumnSpec(name, values.dtype.str, values.shape[1:], choose_encoding(values))


def encode_chunk(schema: EpisodeSchema, *, first_step: int, n_steps: int, columns: Mapping[str, ColumnData]) -> bytes:
    """One LZ4 frame.

    Args:
        schema: the episode's; columns that differ from it, or are not in it, are described in the chunk itself.
        first_step: number of the first step; the others follow without a gap.
        columns: by name; absent ones are left out.
    """
    slots: list[Any] = []
    added: list[list[Any]] = []
    n_matched = 0
    for spec in schema.columns:
        data = columns.get(spec.name)
        if data is not None and data.values.dtype.str == spec.dtype and data.values.shape[1:] == spec.shape:
            slots.append(_packed(data, spec))
            n_matched += 1
        else:
            slots.append(None)
    if n_matched < len(columns):
        for name, data in columns.items():
            position = schema.index(name)
            if position is None or slots[position] is None:
                spec = spec_of(name, data.values)
                added.append(spec.to_list())
                slots.append(_packed(data, spec))
    body = [first_step, n_steps, slots, added] if added else [first_step, n_steps, slots]
    return compress_frame(msgpack.packb(body))


def _packed(data: ColumnData, spec: ColumnSpec) -> bytes | list[bytes]:
    encoded = encode_column(data.values, spec.encoding)
    return encoded if data.present is None else [np.packbits(data.present).tobytes(), encoded]


class Slot(NamedTuple):
    """The bytes of one column in one chunk."""

    spec: ColumnSpec
    data: bytes
    present: NDArray[np.bool_] | None
    """``bool[n_steps]``, or None when every step has a value."""
    n_present: int
    """Steps that have a value."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk whose frame is unpacked and whose columns are decoded when asked for."""

    first_step: int
    n_steps: int
    slots: Mapping[str, Slot]
    _decoded: dict[str, ColumnData] = field(default_factory=dict, repr=False, compare=False)

    @property
    def names(self) -> Collection[str]:
        """Names of the columns that this chunk has values of."""
        return self.slots.keys()

    def column(self, name: str) -> ColumnData | None:
        """The values of a column, decoded once; None when this chunk has none.

        Raises:
            EpisodeFileCorruptError: the bytes don't fit the column.
        """
        data = self._decoded.get(name)
        if data is None and (slot := self.slots.get(name)) is not None:
            (values,) = decode_columns([slot.spec], [Part(slot.n_present, [slot.data])])
            data = self._decoded[name] = ColumnData(values, slot.present)
        return data


def decode_chunk(frame: bytes | memoryview, schema: EpisodeSchema) -> Chunk:
    """Unpack one frame and check its outline; columns are checked when they are read.

    Raises:
        EpisodeFileCorruptError: it is not a chunk of this schema.
        EpisodeFileTooLargeError: it claims more than the reader allows.
    """
    content = decompress_frame(frame, max_bytes=MAX_FRAME_BYTES)
    return chunk_from(unpack_bounded(content, max_containers=MAX_CHUNK_CONTAINERS), schema)


def chunk_from(body: object, schema: EpisodeSchema) -> Chunk:
    """The same for the unpacked array.

    Raises:
        EpisodeFileCorruptError: it is not a chunk of this schema.
        EpisodeFileTooLargeError: a column of its own is beyond the reader's limits.
    """
    match body:
        case [int(first_step), int(n_steps), list(packed)]:
            columns = schema.columns
        case [int(first_step), int(n_steps), list(packed), list(added)]:
            columns = (*schema.columns, *(ColumnSpec.from_list(spec) for spec in added))
        case _:
            raise EpisodeFileCorruptError(f"chunk: expected [first_step, n_steps, slots], found {body!r:.100}")
    if not 0 < n_steps <= MAX_CHUNK_STEPS or not 0 <= first_step < 2**63 - MAX_CHUNK_STEPS:
        raise EpisodeFileCorruptError(f"chunk: {n_steps} steps from step {first_step}")
    if len(packed) != len(columns):
        raise EpisodeFileCorruptError(f"chunk: {len(packed)} slots for {len(columns)} columns")
    slots: dict[str, Slot] = {}
    for spec, content in zip(columns, packed, strict=True):
        if content is None:
            continue
        if spec.name in slots:
            raise EpisodeFileCorruptError(f"chunk: column {spec.name!r} stands in it twice")
        slots[spec.name] = _slot_from(content, spec, n_steps)
    return Chunk(first_step, n_steps, slots)


def _slot_from(content: object, spec: ColumnSpec, n_steps: int) -> Slot:
    if isinstance(content, bytes):
        return Slot(spec, content, None, n_steps)
    match content:
        case [bytes(mask), bytes(data)] if len(mask) == (n_steps + 7) // 8:
            present = np.unpackbits(np.frombuffer(mask, np.uint8), count=n_steps).view(np.bool_)
            return Slot(spec, data, present, int(np.count_nonzero(present)))
        case _:
            raise EpisodeFileCorruptError(f"chunk: the slot of column {spec.name!r} holds {content!r:.60}")
