"""What stays the same through an episode: the space it lies in, its affordances, the names of meters and actions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from recorder.episode import EpisodeMetadata
from recorder.schema import EpisodeSchema

__all__ = ["AGENT_COLOR", "Scene"]

AGENT_COLOR = "#4c8dff"

_MAX_NAMED = 1024
"""Meters, actions and affordances that have a name; they are told with every step, and drawn."""
_MAX_NAME_LENGTH = 256
_MAX_DIMS = 16


@dataclass(frozen=True, slots=True)
class Scene:
    """The stage on which an episode plays.

    Args:
        substrate: ``type``, ``position_dim``, ``width``, ``height``, as in messages.
        grid_affordances: ``type`` and coordinates of each, as in messages.
    """

    substrate: Mapping[str, Any]
    affordances: Mapping[str, Sequence[float]]
    meter_names: Sequence[str]
    action_names: Sequence[str]

    @classmethod
    def from_header(
        cls,
        metadata: EpisodeMetadata,
        schema: EpisodeSchema,
        affordances: Mapping[str, Sequence[float]],
        *,
        extent: Sequence[float] = (-math.inf, -math.inf),
    ) -> Scene:
        """The scene, as far as an episode's header tells.

        Args:
            extent: the greatest x and y seen, for a grid whose size the trainer did not give.
        """
        n_dims = _n_values(schema, "position")
        if metadata.substrate is not None:
            n_dims = metadata.substrate.position_dim
        n_meters, n_actions = (
            _n_values(schema, "meters"),
            max(_n_values(schema, "q_values"), _n_values(schema, "action_masks")),
        )
        width, height = _size(metadata, affordances, extent) if n_dims else (None, None)
        kind = metadata.substrate.type if metadata.substrate is not None else ("grid" if n_dims else "aspatial")
        return cls(
            substrate={"type": kind, "position_dim": n_dims, "width": width, "height": height},
            affordances={
                name[:_MAX_NAME_LENGTH]: list(cell)[:_MAX_DIMS]
                for name, cell in islice(affordances.items(), _MAX_NAMED)
            },
            meter_names=_names(metadata.meter_names, n_meters, "meter"),
            action_names=_names(metadata.action_names, n_actions, "action"),
        )

    def to_map(self) -> dict[str, Any]:
        """As it stands in ``opened`` messages."""
        return {
            "affordances": self.affordances,
            "substrate": self.substrate,
            "meter_names": self.meter_names,
            "action_names": self.action_names,
        }


def _n_values(schema: EpisodeSchema, name: str) -> int:
    position = schema.index(name)
    return 0 if position is None else schema.columns[position].n_values


def _names(given: Sequence[str], n_needed: int, word: str) -> list[str]:
    told = [name[:_MAX_NAME_LENGTH] for name in given[:_MAX_NAMED]]
    return [*told, *(f"{word} {number}" for number in range(len(told), min(n_needed, _MAX_NAMED)))]


def _size(
    metadata: EpisodeMetadata, affordances: Mapping[str, Sequence[float]], extent: Sequence[float]
) -> tuple[int, int]:
    """Width and height in cells: as given, else as far as positions and affordances reach."""
    given = metadata.substrate
    if given is not None and given.width and given.height:
        return given.width, given.height
    size = metadata.grid_size
    if isinstance(size, int) and size > 0:
        return size, size
    if isinstance(size, Sequence) and len(size) >= 2:
        return int(size[0]), int(size[1])
    x, y = extent
    for cell in affordances.values():
        x = max(x, cell[0]) if cell else x
        y = max(y, cell[1]) if len(cell) > 1 else y
    return tuple(max(1, math.floor(top) + 1) if math.isfinite(top) else 1 for top in (x, y))  # type: ignore[return-value]
