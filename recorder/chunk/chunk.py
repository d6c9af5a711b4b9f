"""One chunk: up to 256 consecutive steps of one episode, in columns, as one LZ4 frame around one msgpack array.

``[first_step, n_steps, slots]``, a slot a column of the schema; ``[first_step, n_steps, slots, added]`` when the chunk has
columns of its own, because a field appeared, or changed its dtype or shape, in mid-episode. A slot is nil (absent), bytes
(a value for every step), the index of an earlier slot (the same, and its values lie there) or ``[mask, bytes]`` (values
for the steps whose bit is set). The specification is ``episode_file/FORMAT.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import msgpack
import numpy as np
from numpy.typing import NDArray

from recorder.chunk.columns import Packed, choose_encoding, decode_columns, encode_columns, in_order
from recorder.chunk.frames import MAX_FRAME_BYTES, compress_frame, decompress_frame
from recorder.chunk.unpacking import unpack_bounded
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import MAX_COLUMNS, ColumnSpec, Encoding, EpisodeSchema

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
    together: dict[str, list[int]] = {}
    n_matched = 0
    for index, spec in enumerate(schema.columns):
        data = columns.get(spec.name)
        if data is None or data.values.dtype.str != spec.dtype or data.values.shape[1:] != spec.shape:
            slots.append(None)
            continue
        n_matched += 1
        if data.present is not None or (kin := spec.kin) is None:
            slots.append(_alone(data, spec))
        else:
            indexes = together.setdefault(kin, [])
            indexes.append(index)
            slots.append(indexes[0])
    for indexes in together.values():
        specs = in_order(schema.columns[index] for index in indexes)
        slots[indexes[0]] = encode_columns([(spec, columns[spec.name].values) for spec in specs])
    added: list[list[Any]] = []
    if n_matched < len(columns):
        for name, data in columns.items():
            position = schema.index(name)
            if position is None or slots[position] is None:
                spec = spec_of(name, data.values)
                added.append(spec.to_list())
                slots.append(_alone(data, spec))
    body = [first_step, n_steps, slots, added] if added else [first_step, n_steps, slots]
    return compress_frame(msgpack.packb(body))


def _alone(data: ColumnData, spec: ColumnSpec) -> bytes | list[bytes]:
    encoded = encode_columns([(spec, data.values)])
    return encoded if data.present is None else [np.packbits(data.present).tobytes(), encoded]


class Slot(NamedTuple):
    """One column in one chunk."""

    spec: ColumnSpec
    packed: Packed
    """Its bytes, perhaps among those of others."""
    present: NDArray[np.bool_] | None = None
    """``bool[n_steps]``, or None when every step has a value."""


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
            values = decode_columns([slot.packed], [name])
            data = self._decoded[name] = ColumnData(values[name], slot.present)
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
    return Chunk(first_step, n_steps, _slots_from(packed, columns, n_steps))


def _slots_from(packed: Sequence[object], columns: Sequence[ColumnSpec], n_steps: int) -> dict[str, Slot]:
    slots: dict[str, Slot] = {}
    together: dict[int, list[ColumnSpec]] = {}
    for index, (spec, content) in enumerate(zip(columns, packed, strict=True)):
        if content is None:
            continue
        if spec.name in slots:
            raise EpisodeFileCorruptError(f"chunk: column {spec.name!r} stands in it twice")
        if isinstance(content, bytes):
            together[index] = [spec]
            slots[spec.name] = _TO_COME
        elif type(content) is int and content in together and spec.kin == columns[content].kin is not None:
            together[content].append(spec)
            slots[spec.name] = _TO_COME
        else:
            slots[spec.name] = _masked(content, spec, n_steps)
    for index, specs in together.items():
        shared = Packed(in_order(specs), n_steps, cast("bytes", packed[index]))
        for spec in specs:
            slots[spec.name] = Slot(spec, shared)
    return slots


_TO_COME = Slot(ColumnSpec("", "|u1", (), Encoding.PLAIN), Packed((), 0, b""))
"""Keeps the place of a column until all are known that lie together with it."""


def _masked(content: object, spec: ColumnSpec, n_steps: int) -> Slot:
    match content:
        case [bytes(mask), bytes(data)] if len(mask) == (n_steps + 7) // 8:
            present = np.unpackbits(np.frombuffer(mask, np.uint8), count=n_steps).view(np.bool_)
            return Slot(spec, Packed((spec,), int(np.count_nonzero(present)), data), present)
        case _:
            raise EpisodeFileCorruptError(f"chunk: the slot of column {spec.name!r} holds {content!r:.60}")
