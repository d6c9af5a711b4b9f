"""Which columns of a chunk share a slot. Chunks of a run repeat the same placement, so it is cached."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from recorder.chunk.columns import ColumnGroup
from recorder.errors import EpisodeFileCorruptError
from recorder.schema import ColumnSpec, EpisodeSchema

__all__ = ["NOTHING_PLACED", "Pattern", "Placement", "place", "place_added"]

Pattern = tuple[int | None, ...]
"""For each column, the index of the slot with its bytes; None if not every step has a value."""

_MAX_REMEMBERED = 64
"""Cached placements per schema: chunks may lack any column, and a hostile file may try all combinations."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Columns and their slots. Compared by identity.

    Args:
        groups: columns with a value for every step, by slot.
        names: the same columns, in the order of the schema.
        specs: the same columns by name.
        max_step_bytes: size of the largest value of a step.
    """

    groups: tuple[tuple[int, ColumnGroup], ...]
    names: tuple[str, ...]
    specs: dict[str, ColumnSpec]
    max_step_bytes: int

    def only(self, names: Collection[str]) -> Placement:
        """A copy with only the groups that contain one of these columns."""
        groups = tuple((slot, group) for slot, group in self.groups if any(name in names for name in group.names))
        specs = {spec.name: spec for _, group in groups for spec in group.specs}
        return Placement(groups, tuple(specs), specs, max((spec.step_bytes for spec in specs.values()), default=0))


NOTHING_PLACED = Placement((), (), {}, 0)
"""For a chunk with only loose columns."""


def place(schema: EpisodeSchema, pattern: Pattern) -> Placement:
    """Placement of a chunk with columns of the schema only.

    Raises:
        EpisodeFileCorruptError: columns share a slot that can't.
    """
    known = schema.placements.get(pattern)
    if known is None:
        known = place_added(schema.columns, pattern)
        if len(schema.placements) >= _MAX_REMEMBERED:
            schema.placements.clear()
        schema.placements[pattern] = known
    return known


def place_added(columns: Sequence[ColumnSpec], pattern: Pattern) -> Placement:
    """As ``place``, for a chunk with added columns; not cached.

    Args:
        columns: those of the schema, then the added ones.

    Raises:
        EpisodeFileCorruptError: columns share a slot that can't.
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
