"""Encodes the steps of a chunk: which slot each column has, and the bytes in it. See ``chunk`` for the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from recorder.chunk.chunk import ColumnData
from recorder.chunk.columns import ColumnGroup, choose_encoding
from recorder.chunk.placement import place
from recorder.framing.frames import compress_frame
from recorder.schema import ColumnSpec, EpisodeSchema, is_text

__all__ = ["Slots", "chunk_of_slots", "encode_chunk", "encode_lanes", "spec_of"]

Slots = list[bytes | int]
"""What a chunk says of each column of the schema, when every step has every value."""


def spec_of(name: str, values: NDArray[np.generic]) -> ColumnSpec:
    """The column for these values, with the best encoding."""
    if is_text(values):
        return ColumnSpec.of_texts(name)
    return ColumnSpec(name, values.dtype.str, values.shape[1:], choose_encoding(values))


def encode_chunk(schema: EpisodeSchema, *, first_step: int, n_steps: int, columns: Mapping[str, ColumnData]) -> bytes:
    """Encode a chunk as one LZ4 frame.

    Args:
        schema: schema of the episode; the chunk itself describes columns that differ from it.
        first_step: number of the first step; the others follow without a gap.
        columns: by name; absent columns are left out.
    """
    slots: list[Any] = []
    pattern: list[int | None] = []
    first_of_group: dict[str, int] = {}
    n_matched = 0
    for index, spec in enumerate(schema.columns):
        data = columns.get(spec.name)
        slot: Any = None
        group_slot: int | None = None
        if data is not None and spec.holds(data.values):
            n_matched += 1
            if data.present is not None:
                slot = _encode_single(data, spec)
            else:
                slot = group_slot = (
                    index if spec.group_key is None else first_of_group.setdefault(spec.group_key, index)
                )
        slots.append(slot)
        pattern.append(group_slot)
    for index, group in place(schema, tuple(pattern)).groups:
        slots[index] = group.encode([columns[name].values for name in group.names])
    added: list[list[Any]] = []
    if n_matched < len(columns):
        for name, data in columns.items():
            position = schema.index(name)
            if position is None or slots[position] is None:
                spec = spec_of(name, data.values)
                added.append(spec.to_list())
                slots.append(_encode_single(data, spec))
    return _frame([first_step, n_steps, slots, added] if added else [first_step, n_steps, slots])


def encode_lanes(schema: EpisodeSchema, columns: Mapping[str, NDArray[Any]]) -> list[Slots]:
    """Encode the same steps of many lanes together, which is quicker than one lane after another.

    Args:
        columns: ``dtype[n_lanes, n_steps, *shape]`` each; exactly those of the schema, with a value for every step.

    Returns:
        Of each lane what ``chunk_of_slots`` takes.
    """
    first_of_group: dict[str, int] = {}
    pattern = tuple(
        [
            index if spec.group_key is None else first_of_group.setdefault(spec.group_key, index)
            for index, spec in enumerate(schema.columns)
        ]
    )
    groups = {
        index: group.encode_lanes([columns[name] for name in group.names])
        for index, group in place(schema, pattern).groups
    }
    n_lanes = len(next(iter(columns.values())))
    return [
        [groups[index][lane] if slot == index else slot for index, slot in enumerate(pattern)]
        for lane in range(n_lanes)
    ]


def chunk_of_slots(slots: Slots, *, first_step: int, n_steps: int) -> bytes:
    """The chunk that ``encode_chunk`` would make of these steps."""
    return _frame([first_step, n_steps, slots])


def _frame(body: list[Any]) -> bytes:
    return compress_frame(msgpack.packb(body))


def _encode_single(data: ColumnData, spec: ColumnSpec) -> bytes | list[bytes]:
    encoded = ColumnGroup([spec]).encode([data.values])
    return encoded if data.present is None else [np.packbits(data.present).tobytes(), encoded]
