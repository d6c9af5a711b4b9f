"""What each field of an episode's metadata is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recorder.agents import pack_agents, read_agents
from recorder.episode import EpisodeMetadata, Substrate
from recorder.errors import UsageError
from recorder.publish.metadata.plain import plain

__all__ = ["CONVERSIONS", "ENTRIES", "RETURNS"]

RETURNS = ("total_reward", "extrinsic_reward", "intrinsic_reward")


def _whole(value: Any) -> int:
    if value.__class__ is int and -(2**63) <= value < 2**63:
        return value
    number = _number(value)
    if int(number) != number or not -(2**63) <= number < 2**63:
        raise UsageError(f"expected a whole number of 64 bits, found {number!r:.60}")
    return int(number)


def _decimal(value: Any) -> float:
    return float(_number(value))


def _number(value: Any) -> Any:
    number = plain(value)
    if not isinstance(number, int | float):
        raise UsageError(f"expected a number, found {type(value).__name__}: {value!r:.60}")
    return number


def _cell(value: Any) -> list[Any]:
    return [plain(coordinate) for coordinate in value]


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        raise UsageError(f"expected a list of names, found the text {value!r:.60}")
    return [str(name) for name in value]


def _grid_size(value: Any) -> int | list[int] | None:
    if value is None:
        return None
    value = plain(value)
    return [_whole(length) for length in value] if isinstance(value, list) else _whole(value)


def _substrate(value: Any) -> list[Any] | None:
    if isinstance(value, Substrate):
        value = [value.type, value.position_dim, value.width, value.height]
    return None if value is None else list(EpisodeMetadata.from_map({"substrate": plain(value)}).to_map()["substrate"])


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("episode_id", "survival_steps", "curriculum_stage", "lane", "n_steps", "env_steps"), _whole),
    **dict.fromkeys(("started_unix_nanos", "finished_unix_nanos"), _whole),
    **dict.fromkeys((*RETURNS, "epsilon", "intrinsic_weight", "timestamp"), _decimal),
    **dict.fromkeys(("meter_names", "action_names"), _names),
    "grid_size": _grid_size,
    "substrate": _substrate,
    "status": str,
    "gaps": lambda _: [],
    "agents": lambda value: pack_agents(read_agents(value)),
    "run_id": str,
}

ENTRIES: dict[str, Callable[[Any], Any]] = {
    "affordance_visits": _whole,
    "custom_action_uses": _whole,
    "affordance_layout": _cell,
}
"""Fields that are maps, and what each of their entries is."""
