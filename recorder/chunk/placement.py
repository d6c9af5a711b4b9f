"""Which columns of a chunk lie together in which slot. The chunks of a run are placed alike over and over, so it is worked out
once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recorder.chunk.columns import ColumnGroup
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, EpisodeSchema

__all__ = ["NOTHING_PLACED", "Pattern", "Placement", "place", "place_added"]

Pattern = tuple[int | None, ...]
"""For each column the index of the slot that holds its bytes, its own or an earlier one; None when not every step has a
value."""

_MAX_REMEMBERED = 64
"""Placements of one schema: a chunk may lack any of the columns, and a hostile file may try them all."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """What lies where; equal to itself alone.

    Args:
        groups: the columns that have a value for every step, by the slot in which they lie.
        names: of the same columns, in the order of the schema.
        specs: the same columns by name.
        max_step_bytes: of the largest value of a step.
    """

    groups: tuple[tuple[int, ColumnGroup], ...]
    names: tuple[str, ...]
    specs: dict[str, ColumnSpec]
    max_step_bytes: int

    def only(self, names: Collection[str]) -> Placement:
        """The same without the groups that hold none of these columns."""
        groups = tuple((slot, group) for slot, group in self.groups if any(name in names for name in group.names))
        specs = {spec.name: spec for _, group in groups for spec in group.specs}
        return Placement(groups, tuple(specs), specs, max((spec.step_bytes for spec in specs.values()), default=0))


NOTHING_PLACED = Placement((), (), {}, 0)
"""Of a chunk all of whose columns are loose."""


def place(schema: EpisodeSchema, pattern: Pattern) -> Placement:
    """The placement of a chunk whose columns are all in the schema.

    Raises:
        EpisodeFileCorruptError: columns that can't lie together would.
    """
    known = schema.placements.get(pattern)
    if known is None:
        known = place_added(schema.columns, pattern)
        if len(schema.placements) >= _MAX_REMEMBERED:
            schema.placements.clear()
        schema.placements[pattern] = known
    return known


def place_added(columns: Sequence[ColumnSpec], pattern: Pattern) -> Placement:
    """The same for a chunk that has columns of its own too, not remembered.

    Args:
        columns: the schema's, then the chunk's own.

    Raises:
        EpisodeFileCorruptError: columns that can't lie together would.
    """
    together: dict[int, list[ColumnSpec]] = {}
    for index, slot in enumerate(pattern):
        if slot is None:
            continue
        spec = columns[index]
        if slot == index:
            together[slot] = [spec]
        elif slot in together and spec.group_key == columns[slot].group_key is not None:
            together[slot].append(spec)
        else:
            raise EpisodeFileCorruptError(f"chunk: the slot of column {spec.name!r} holds {slot!r:.60}")
    groups = tuple((slot, ColumnGroup(specs)) for slot, specs in together.items())
    specs = {spec.name: spec for spec, slot in zip(columns, pattern, strict=True) if slot is not None}
    return Placement(groups, tuple(specs), specs, max((spec.step_bytes for spec in specs.values()), default=0))
