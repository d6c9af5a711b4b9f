"""What stays the same during an episode: its space, affordances, and names of meters and actions, also for narrow places."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from recorder.agents.columns import parse_agent_column
from recorder.agents.info import ACTION_NAMES
from recorder.episode import EpisodeMetadata
from recorder.outline.pictures import picture_columns
from recorder.outline.step_columns import Floats
from recorder.schema import EpisodeSchema

__all__ = ["Bounds", "Scene", "agent_action_names", "observation_names", "short_names"]

_MAX_AXES = 3
"""Further coordinates are not drawn."""
_FARTHEST = 2.0**53
"""Largest coordinate that JavaScript can count exactly."""


class Bounds:
    """Starts with the declared size and the affordances, and grows with positions.

    Args:
        substrate: ``type``, ``position_dim``, ``width``, ``height``, as in ``Scene``.
    """

    def __init__(self, substrate: Mapping[str, Any], affordances: Mapping[str, Sequence[float]]) -> None:
        n_axes = min(max(int(substrate["position_dim"]), 0), _MAX_AXES)
        self._reach = 0 if substrate["type"] == "continuous" else 1
        """Size of a position: a cell in a grid."""
        self.low = np.zeros(n_axes)
        self.high = np.ones(n_axes)
        for axis, size in enumerate((substrate["width"], substrate["height"])[:n_axes]):
            self.high[axis] = min(max(size or 1, 1), _FARTHEST)
        for cell in affordances.values():
            if len(cell) == substrate["position_dim"]:
                self.include(np.asarray([cell], np.float64))

    def include(self, positions: Floats) -> None:
        """Extend the bounds to ``float64[n, n_dims]``; coordinates that are not finite are ignored."""
        shown = positions[:, : len(self.low)]
        if shown.shape[1] != len(self.low):
            return
        finite = np.isfinite(shown)
        shown = np.clip(shown, -_FARTHEST, _FARTHEST)
        least = np.min(shown, axis=0, where=finite, initial=np.inf)
        greatest = np.max(shown, axis=0, where=finite, initial=-np.inf)
        self.low = np.where(least < self.low, np.floor(least), self.low)
        self.high = np.where(greatest + self._reach > self.high, np.ceil(greatest + self._reach), self.high)

    def to_map(self) -> dict[str, list[float]]:
        """``low`` and ``high`` along each axis."""
        return {"low": self.low.tolist(), "high": self.high.tolist()}


_MAX_NAMED = 1024
"""Most meters, actions and affordances with a name."""
_MAX_NAME_LENGTH = 256
_MAX_DIMS = 16
_MAX_PICTURES = 64


@dataclass(frozen=True, slots=True)
class Scene:
    """The scene of an episode.

    Args:
        substrate: ``type``, ``position_dim``, ``width``, ``height``, as in messages.
        affordances: name to coordinates.
    """

    substrate: Mapping[str, Any]
    affordances: Mapping[str, Sequence[float]]
    meter_names: Sequence[str]
    action_names: Sequence[str]
    pictures: Sequence[str] = ()
    """Columns that are shown as pictures, the one to show first."""

    @classmethod
    def of(cls, metadata: EpisodeMetadata, schema: EpisodeSchema, affordances: Mapping[str, Sequence[float]]) -> Scene:
        """The scene in an episode's header; an unknown size is None."""
        sizes = _sizes(schema)
        n_dims = sizes.get("position", 0)
        if metadata.substrate is not None:
            n_dims = metadata.substrate.position_dim
        n_actions = max(sizes.get("q_values", 0), sizes.get("action_masks", 0))
        width, height = _declared_size(metadata) if n_dims else (None, None)
        kind = metadata.substrate.type if metadata.substrate is not None else ("grid" if n_dims else "aspatial")
        return cls(
            substrate={"type": kind[:_MAX_NAME_LENGTH], "position_dim": n_dims, "width": width, "height": height},
            affordances={
                name[:_MAX_NAME_LENGTH]: list(cell)[:_MAX_DIMS]
                for name, cell in islice(affordances.items(), _MAX_NAMED)
            },
            meter_names=_names(metadata.meter_names, sizes.get("meters", 0), "meter"),
            action_names=_names(metadata.action_names, n_actions, "action"),
            pictures=picture_columns(schema)[:_MAX_PICTURES],
        )

    def to_map(self) -> dict[str, Any]:
        """The form in ``opened`` messages."""
        return {
            "affordances": self.affordances,
            "substrate": self.substrate,
            "meter_names": self.meter_names,
            "action_names": self.action_names,
            "meter_labels": short_names(self.meter_names),
            "action_labels": short_names(self.action_names),
            "pictures": self.pictures,
        }


def observation_names(info: Mapping[str, Any], n_values: int) -> Sequence[str]:
    """What the numbers of ``extras.observation`` are called; nothing if unknown.

    Args:
        info: from the episode's header. The page reads the same key.
    """
    names = info.get("observation_names")
    is_fit = isinstance(names, list | tuple) and len(names) == n_values
    return [str(name)[:_MAX_NAME_LENGTH] for name in names] if is_fit and names else ()


def agent_action_names(info: Mapping[str, Any], agent_id: str) -> list[str]:
    """What the actions of one of several agents are called; nothing if they are called as those of all.

    Args:
        info: of the episode.
    """
    by_agent = info.get(ACTION_NAMES)
    names = by_agent.get(agent_id) if isinstance(by_agent, Mapping) else None
    return [str(name)[:_MAX_NAME_LENGTH] for name in names[:_MAX_NAMED]] if isinstance(names, list | tuple) else []


def _sizes(schema: EpisodeSchema) -> dict[str, int]:
    """Numbers of each field; of several agents, the most that one of them has."""
    sizes: dict[str, int] = {}
    for spec in schema.columns:
        place = parse_agent_column(spec.name)
        name, shape = (spec.name, spec.shape) if place is None else (place[1], spec.shape[1:])
        sizes[name] = max(sizes.get(name, 0), math.prod(shape))
    return sizes


def _names(given: Sequence[str], n_needed: int, word: str) -> list[str]:
    names = [name[:_MAX_NAME_LENGTH] for name in given[:_MAX_NAMED]]
    return [*names, *(f"{word} {number}" for number in range(len(names), min(n_needed, _MAX_NAMED)))]


def _declared_size(metadata: EpisodeMetadata) -> tuple[int | None, int | None]:
    """Width and height in cells, as far as the trainer gave them."""
    given, size = metadata.substrate, metadata.grid_size
    if given is not None and _positive(given.width):
        return given.width, _positive(given.height) or (given.width if given.position_dim > 1 else 1)
    if isinstance(size, int):
        return _positive(size), _positive(size)
    if size:
        return _positive(size[0]), _positive(size[1] if len(size) > 1 else size[0])
    return None, None


def _positive(size: int | None) -> int | None:
    return int(size) if size is not None and size > 0 else None


_LONG_NAME = 12
"""Letters; places for names have room for so many."""

_WORDS = re.compile(r".*[\s_.:/-]", re.DOTALL)


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names; without the words that all begin with, if one of them is long. The others stay different."""
    if len(names) < 2 or max(map(len, names)) <= _LONG_NAME:
        return tuple(names)
    first, last = min(names), max(names)  # all others begin as both do
    n_shared = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    words = _WORDS.match(first[:n_shared])
    start = words.end() if words else 0
    return tuple(name[start:] for name in names) if start < min(map(len, names)) else tuple(names)
