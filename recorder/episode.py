"""What an episode is: one recorded step, the metadata of a whole episode, and what is missing from it.

Alignment, written here and nowhere else. Of step ``t``:

* ``position``, ``meters``, ``time_of_day``, ``interaction_progress`` are the state *reached by* its action;
* ``reward``, ``intrinsic_reward``, ``done``, ``terminated``, ``truncated`` are what that action earned;
* ``q_values``, ``action_masks``, ``epsilon`` are what the action was *chosen from*.

``done`` is ``terminated or truncated``: the environment's words, whole. An *episode* whose status is ``truncated`` is
another matter: there the recording stopped before the episode did.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from recorder.text import holdable_integer

__all__ = ["EpisodeMetadata", "EpisodeStatus", "Gap", "RecordedStep", "Substrate", "read_layout", "return_of"]

_Amount = TypeVar("_Amount", float, NDArray[np.float64])
"""One number, or one a step."""


class EpisodeStatus(StrEnum):
    """How a recorded episode ended."""

    COMPLETE = "complete"
    """The trainer finished it."""
    TRUNCATED = "truncated"
    """It was broken off: the trainer said so, or the recorder was closed while it was still open."""
    SALVAGED = "salvaged"
    """Its trainer died; what had arrived was kept."""
    ABORTED = "aborted"
    """The trainer gave it up with ``abort``: no recording, a row in the catalog."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Steps that are missing: ``first_step <= step < end_step``. ``end_step`` is None when nobody knows how many follow."""

    first_step: int
    end_step: int | None
    reason: str = "dropped"

    @property
    def n_steps(self) -> int | None:
        """How many steps are missing, or None when nobody knows."""
        return None if self.end_step is None else self.end_step - self.first_step


@dataclass(frozen=True, slots=True)
class Substrate:
    """The space that positions lie in: ``type`` is a free word (``grid``, ``continuous``, ``aspatial``)."""

    type: str = "grid"
    position_dim: int = 2
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class RecordedStep:
    """One step of an episode; the module's docstring says which state belongs to which action.

    Args:
        step: number of the step within its episode, from 0.
        position: coordinates, any number of them, none included.
        meters: the agent's meters, any number; their names are in the metadata.
        action: index of a discrete action, or the components of a continuous one.
        done: ``terminated or truncated``.
        time_of_day: the environment's clock, where it has one.
        interaction_progress: share of a multi-step interaction that is done, 0 to 1.
        terminated: None when the trainer gave only ``done``; the same for ``truncated``.
        action_masks: which actions were allowed.
        extras: any further named scalars or arrays.
    """

    step: int
    position: tuple[float, ...]
    meters: tuple[float, ...]
    action: int | tuple[float, ...]
    reward: float
    intrinsic_reward: float = 0.0
    done: bool = False
    q_values: tuple[float, ...] | None = None
    time_of_day: int | None = None
    interaction_progress: float | None = None
    terminated: bool | None = None
    truncated: bool | None = None
    epsilon: float | None = None
    action_masks: tuple[bool, ...] | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class EpisodeMetadata:
    """What is known of an episode when it ends; every field may be left out. None means that nobody told it.

    Args:
        episode_id: number of the episode within its run.
        survival_steps: steps survived; summed from the steps when left out.
        total_reward: the return that ranks the episode; ``return_of`` its parts when left out.
        extrinsic_reward: sum of ``reward``; intrinsic_reward: sum of ``intrinsic_reward``.
        curriculum_stage: stage of the curriculum in which the episode was played.
        epsilon: exploration rate, the last step's when left out.
        intrinsic_weight: weight of the intrinsic reward in the return.
        timestamp: when the episode ended, seconds since 1970 (UTC).
        affordance_layout: name to cell, as many coordinates as a position has.
        affordance_visits: name to number of uses; custom_action_uses: the same for actions of the trainer's own.
        run_id: the training job; with ``episode_id`` the episode's identity.
        lane: index of the sub-environment in a vector environment.
        meter_names, action_names: names for the entries of ``meters`` and for the action indices.
        grid_size: cells along one side of a square grid, or ``(width, height)``.
        gaps: steps that are missing from the recording.
        n_steps: steps that the recording holds.
        env_steps: environment steps of the whole run when the episode ended.
        info: anything else worth keeping; JSON-like.
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

    def to_map(self) -> dict[str, Any]:
        """The plain map that stands in files and entries: only msgpack's own types.

        Numbers of numpy and torch become Python's; what ``info`` holds beyond JSON's types becomes text.

        Raises:
            UsageError: a field holds something that it can't be.
        """
        values = _checked({name: getattr(self, name) for name in _READERS})
        return {name: _PACKERS[name](value) if name in _PACKERS else value for name, value in values.items()}

    @classmethod
    def from_map(cls, source: Mapping[str, Any]) -> EpisodeMetadata:
        """The inverse of ``to_map``; unknown keys go to ``info``, missing ones take their defaults.

        Raises:
            UsageError: a known key holds something that it can't be.
        """
        if not isinstance(source, Mapping):
            raise UsageError(f"episode metadata: expected a map, found {type(source).__name__}")
        unknown = {name: value for name, value in source.items() if name not in _READERS}
        values = _checked(source)
        if unknown:
            values["info"] = {**_read_info(unknown), **values.get("info", {})}
        return cls(**values)


def return_of(reward: _Amount, intrinsic_reward: _Amount, weight: float | None) -> _Amount:
    """The return: reward plus weighted intrinsic reward; the reward alone where nobody told a weight.

    Whatever shows or ranks a return takes it from here, of a whole episode or up to each step.

    Args:
        reward, intrinsic_reward: sums.
    """
    return reward + weight * intrinsic_reward if weight else reward


def read_layout(source: Mapping[str, Any] | None) -> dict[str, tuple[float, ...]]:
    """Affordances by name, each with its coordinates.

    Raises:
        TypeError, ValueError, AttributeError: it is not that.
    """
    return {
        # Cells stay whole numbers.
        str(name): tuple([number if number.__class__ is int else _read_float(number) for number in cell])
        for name, cell in (source or {}).items()
    }


def _read_integer(value: Any) -> int:
    """A whole number of at most 64 bits, also when it comes as 100.0 or as a scalar of numpy or torch."""
    if value.__class__ is not int:
        if isinstance(value, str | bytes) or int(value) != value:
            raise ValueError
        value = int(value)
    if not -(2**63) <= value < 2**64:
        raise ValueError
    return value  # type: ignore[no-any-return]


def _read_float(value: Any) -> float:
    if value.__class__ is float:
        return value
    if isinstance(value, str | bytes):
        raise TypeError
    return float(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _read_names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str | bytes):
        raise TypeError
    return tuple(str(name) for name in value or ())


def _read_counts(value: Any) -> dict[str, int]:
    return {str(name): _read_integer(count) for name, count in (value or {}).items()}


def _read_grid_size(value: Any) -> int | tuple[int, ...] | None:
    if value is None:
        return None
    return tuple(_read_integer(length) for length in value) if isinstance(value, Sequence) else _read_integer(value)


def _read_gaps(value: Any) -> tuple[Gap, ...]:
    gaps = []
    for source in value or ():
        gap = source if isinstance(source, Gap) else Gap(*source)
        end_step = None if gap.end_step is None else _read_integer(gap.end_step)
        gaps.append(Gap(_read_integer(gap.first_step), end_step, _read_text(gap.reason)))
    return tuple(gaps)


def _read_substrate(value: Any) -> Substrate | None:
    if value is None:
        return None
    source = value if isinstance(value, Substrate) else Substrate(*value)
    width, height = (None if n is None else _read_integer(n) for n in (source.width, source.height))
    return Substrate(_read_text(source.type), _read_integer(source.position_dim), width, height)


def _read_info(value: Any) -> dict[str, Any]:
    return {str(name): _plain(item) for name, item in (value or {}).items()}


def _plain(value: Any) -> Any:
    """``value`` in JSON's types: numbers and arrays of numpy and torch become Python's, what has no such type its text."""
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        return holdable_integer(value)
    if isinstance(value, Mapping):
        return _read_info(value)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    return _plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def _unless_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


_READERS_BY_TYPE: dict[str, Callable[[Any], Any]] = {
    "int": _read_integer,
    "float": _read_float,
    "str": _read_text,
    "int | None": _unless_none(_read_integer),
    "float | None": _unless_none(_read_float),
}

_READERS: dict[str, Callable[[Any], Any]] = {
    f.name: _READERS_BY_TYPE[str(f.type)] for f in fields(EpisodeMetadata) if str(f.type) in _READERS_BY_TYPE
} | {
    "affordance_layout": read_layout,
    "affordance_visits": _read_counts,
    "custom_action_uses": _read_counts,
    "meter_names": _read_names,
    "action_names": _read_names,
    "grid_size": _read_grid_size,
    "substrate": _read_substrate,
    "status": EpisodeStatus,
    "gaps": _read_gaps,
    "info": _read_info,
}
"""How each field of the metadata is checked and brought to its type, whoever made it: a trainer, a file or the stream."""

_EXPECTED = {
    _read_integer: "a whole number of at most 64 bits",
    _read_float: "a number",
    _read_text: "text",
    _READERS_BY_TYPE["int | None"]: "a whole number of at most 64 bits, or None",
    _READERS_BY_TYPE["float | None"]: "a number, or None",
    read_layout: "a map from names to coordinates",
    _read_counts: "a map from names to whole numbers",
    _read_names: "a list of names",
    _read_grid_size: "a whole number, or one for each side",
    _read_substrate: "a Substrate",
    EpisodeStatus: f"one of {', '.join(EpisodeStatus)}",
    _read_gaps: "a list of Gap",
    _read_info: "a map",
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
}
"""How the fields that msgpack has no type for stand in a map."""


def _checked(source: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields of ``source``, each brought to its type."""
    checked = {}
    for name, value in source.items():
        reader = _READERS.get(name)
        if reader is None:
            continue
        try:
            checked[name] = reader(value)
        except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise UsageError(
                f"episode metadata: {name}: expected {_EXPECTED[reader]}, found {_shown(value)}"
            ) from error
    return checked


def _shown(value: Any) -> str:
    """A value in a message: short, whatever it is."""
    try:
        return f"{reprlib.repr(value):.60}"
    except Exception:  # noqa: BLE001 - a number of more digits than Python prints, or an object whose own code fails
        return type(value).__name__
