"""An episode: its metadata and gaps."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from recorder.agents.info import AgentInfo, pack_agents, read_agents
from recorder.errors import UsageError
from recorder.runtime.python_versions import StrEnum
from recorder.values.field_values import (
    read_counts,
    read_float,
    read_grid_size,
    read_info,
    read_integer,
    read_layout,
    read_names,
    read_text,
    unless_none,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EpisodeMetadata", "EpisodeStatus", "Gap", "Substrate", "read_layout", "return_of"]

_Amount = TypeVar("_Amount", float, "NDArray[np.float64]")
"""A number, or an array with one per step."""


class EpisodeStatus(StrEnum):
    """How a recorded episode ended."""

    COMPLETE = "complete"
    """The trainer finished it."""
    TRUNCATED = "truncated"
    """The trainer said so, or the recorder was closed before the episode ended."""
    SALVAGED = "salvaged"
    """Its trainer died; the steps that arrived were kept."""
    ABORTED = "aborted"
    """The trainer called ``abort``: no recording, but a row in the catalog."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing steps: ``first_step <= step < end_step``. ``end_step`` is None if unknown."""

    first_step: int
    end_step: int | None
    reason: str = "dropped"

    @property
    def n_steps(self) -> int | None:
        """Number of missing steps; None if unknown."""
        return None if self.end_step is None else self.end_step - self.first_step


@dataclass(frozen=True, slots=True)
class Substrate:
    """The space of positions; ``type`` is free text (``grid``, ``continuous``, ``aspatial``)."""

    type: str = "grid"
    position_dim: int = 2
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class EpisodeMetadata:
    """Metadata of an ended episode; every field is optional, and None means unknown.

    Args:
        episode_id: number of the episode in its run.
        survival_steps: steps survived; by default counted.
        total_reward: the return that ranks the episode; by default ``return_of`` its parts.
        extrinsic_reward: sum of ``reward``.
        intrinsic_reward: sum of ``intrinsic_reward``.
        curriculum_stage: stage of the curriculum.
        epsilon: exploration rate; by default the last step's.
        intrinsic_weight: weight of the intrinsic reward in the return.
        timestamp: end of the episode, in seconds since 1970 (UTC).
        affordance_layout: name to cell, with as many coordinates as a position.
        affordance_visits: name to number of uses.
        custom_action_uses: custom action to number of uses.
        run_id: the training job; identifies the episode together with ``episode_id``.
        lane: index of the sub-environment in a vector environment.
        meter_names, action_names: names of the entries of ``meters`` and of the action indexes.
        grid_size: cells along one side of a square grid, or ``(width, height)``.
        gaps: missing steps.
        n_steps: steps in the recording.
        env_steps: environment steps of the whole run when the episode ended.
        info: other JSON values.
        agents: the agents of an episode of several; empty for one of one.
    """

    episode_id: int = -1
    survival_steps: int = 0
    total_reward: float = 0.0
    extrinsic_reward: float = 0.0
    intrinsic_reward: float = 0.0
    curriculum_stage: int | None = None
    epsilon: float | None = None
    intrinsic_weight: float | None = None
    timestamp: float | None = None
    affordance_layout: Mapping[str, Sequence[float]] = field(default_factory=dict)
    affordance_visits: Mapping[str, int] = field(default_factory=dict)
    run_id: str = ""
    lane: int = 0
    custom_action_uses: Mapping[str, int] = field(default_factory=dict)
    meter_names: Sequence[str] = ()
    action_names: Sequence[str] = ()
    grid_size: int | Sequence[int] | None = None
    substrate: Substrate | None = None
    status: EpisodeStatus = EpisodeStatus.COMPLETE
    gaps: Sequence[Gap] = ()
    n_steps: int = 0
    started_unix_nanos: int | None = None
    finished_unix_nanos: int | None = None
    env_steps: int | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    agents: Sequence[AgentInfo] = ()

    @property
    def seed(self) -> str | None:
        """What the environment was reset with, in digits; None if unknown."""
        seed = self.info.get("seed")
        return f"{seed}" if isinstance(seed, int | str) and not isinstance(seed, bool) else None

    def to_map(self) -> dict[str, Any]:
        """A map of msgpack's types for files and entries.

        Numbers of numpy and torch become Python's; values in ``info`` that JSON lacks become text.

        Raises:
            UsageError: a field has an invalid value.
        """
        values = _read_fields({name: getattr(self, name) for name in _READERS})
        if not values["agents"]:
            del values["agents"]  # so that an episode of one agent reads as it did before there were several
        return {name: _PACKERS[name](value) if name in _PACKERS else value for name, value in values.items()}

    @classmethod
    def from_map(cls, source: Mapping[str, Any]) -> EpisodeMetadata:
        """Inverse of ``to_map``. Unknown keys go to ``info``; missing ones get their defaults.

        Raises:
            UsageError: a known key has an invalid value.
        """
        if not isinstance(source, Mapping):
            raise UsageError(f"episode metadata: expected a map, found {type(source).__name__}")
        unknown = {name: value for name, value in source.items() if name not in _READERS}
        values = _read_fields(source)
        if unknown:
            values["info"] = {**read_info(unknown), **values.get("info", {})}
        return cls(**values)


def return_of(reward: _Amount, intrinsic_reward: _Amount, weight: float | None) -> _Amount:
    """The return: reward plus weighted intrinsic reward; without a weight, the reward.

    Everything that shows or ranks a return uses this function, for a whole episode or up to a step.

    Args:
        reward, intrinsic_reward: sums.
    """
    return reward + weight * intrinsic_reward if weight else reward


def _read_gaps(value: Any) -> tuple[Gap, ...]:
    gaps = []
    for source in value or ():
        gap = source if isinstance(source, Gap) else Gap(*source)
        end_step = None if gap.end_step is None else read_integer(gap.end_step)
        gaps.append(Gap(read_integer(gap.first_step), end_step, read_text(gap.reason)))
    return tuple(gaps)


def _read_substrate(value: Any) -> Substrate | None:
    if value is None:
        return None
    source = value if isinstance(value, Substrate) else Substrate(*value)
    width, height = (None if n is None else read_integer(n) for n in (source.width, source.height))
    return Substrate(read_text(source.type), read_integer(source.position_dim), width, height)


_READERS_BY_TYPE: dict[str, Callable[[Any], Any]] = {
    "int": read_integer,
    "float": read_float,
    "str": read_text,
    "int | None": unless_none(read_integer),
    "float | None": unless_none(read_float),
}

_READERS: dict[str, Callable[[Any], Any]] = {
    f.name: _READERS_BY_TYPE[str(f.type)] for f in fields(EpisodeMetadata) if str(f.type) in _READERS_BY_TYPE
} | {
    "affordance_layout": read_layout,
    "affordance_visits": read_counts,
    "custom_action_uses": read_counts,
    "meter_names": read_names,
    "action_names": read_names,
    "grid_size": read_grid_size,
    "substrate": _read_substrate,
    "status": EpisodeStatus,
    "gaps": _read_gaps,
    "info": read_info,
    "agents": read_agents,
}
"""Validates and converts each field, from trainers, files and the stream."""

_EXPECTED = {
    read_integer: "a whole number of at most 64 bits",
    read_float: "a number",
    read_text: "text",
    _READERS_BY_TYPE["int | None"]: "a whole number of at most 64 bits, or None",
    _READERS_BY_TYPE["float | None"]: "a number, or None",
    read_layout: "a map from names to coordinates",
    read_counts: "a map from names to whole numbers",
    read_names: "a list of names",
    read_grid_size: "a whole number, or one for each side",
    _read_substrate: "a Substrate",
    EpisodeStatus: f"one of {', '.join(EpisodeStatus)}",
    _read_gaps: "a list of Gap",
    read_info: "a map",
    read_agents: "a table of at most 1,024 agents with different ids",
}
"""What each reader reads, in words."""

_PACKERS: dict[str, Callable[[Any], Any]] = {
    "affordance_layout": lambda layout: {name: list(cell) for name, cell in layout.items()},
    "meter_names": list,
    "action_names": list,
    "grid_size": lambda size: list(size) if isinstance(size, tuple) else size,
    "substrate": lambda s: None if s is None else [s.type, s.position_dim, s.width, s.height],
    "status": str,
    "gaps": lambda gaps: [[gap.first_step, gap.end_step, gap.reason] for gap in gaps],
    "agents": pack_agents,
}
"""Conversion of fields that msgpack has no type for."""


def _read_fields(source: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields of ``source``, validated and converted."""
    known = {}
    for name, value in source.items():
        reader = _READERS.get(name)
        if reader is None:
            continue
        try:
            known[name] = reader(value)
        except (TypeError, ValueError, AttributeError, LookupError, OverflowError, RecursionError) as error:
            raise UsageError(
                f"episode metadata: {name}: expected {_EXPECTED[reader]}, found {_shown(value)}"
            ) from error
    return known


def _shown(value: Any) -> str:
    """A value in a message: short, whatever it is."""
    try:
        return f"{reprlib.repr(value):.60}"
    except Exception:  # noqa: BLE001 - a number of more digits than Python prints, or an object whose own code fails
        return type(value).__name__
