"""What a trainer says of an episode when it ends, made plain: numbers, texts, lists and maps that msgpack can carry.

An episode's end must never be lost over its metadata, so a field that can't be used is left out and named, and the
others stand. On the trainer's thread the metadata is only made ours, as bytes; what is in them is looked at by who takes
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import partial
from operator import attrgetter
from typing import Any

import msgpack

from recorder.agents import pack_agents, read_agents
from recorder.episode import EpisodeMetadata, Substrate
from recorder.errors import UsageError
from recorder.publish.metadata.bounds import MAX_FIELD_BYTES, is_small_and_sound, usable_fields
from recorder.publish.metadata.plain import Refuse, plain, spelled
from recorder.step_stream import pack_body

__all__ = ["CONVERSIONS", "ENTRIES", "NOTHING_GIVEN", "RETURNS", "given_metadata", "own_metadata", "read_metadata"]

NOTHING_GIVEN = pack_body({})
"""What ``own_metadata`` makes of nothing."""

_packers: list[msgpack.Packer] = []
"""Those that no thread uses now. A new one asks the system for a buffer of 256 KiB, which takes longer than packing; one whose
buffer has had to grow beyond what is quick is let go."""

_EMPTY = EpisodeMetadata()
_DEFAULTS = {field.name: getattr(_EMPTY, field.name) for field in fields(_EMPTY)}
_all_fields = attrgetter(*_DEFAULTS)
_PLAIN_DEFAULTS = _EMPTY.to_map()


def own_metadata(metadata: EpisodeMetadata | Mapping[str, Any] | None) -> tuple[bytes, list[UsageError]]:
    """A copy as bytes, for ``read_metadata``, and what is known to be wrong already.

    One call of msgpack's copies what is plain and small, as it most often is; only what it does not take is looked at here.
    """
    if metadata is None:
        return NOTHING_GIVEN, []
    try:
        if metadata.__class__ is dict or metadata.__class__ is EpisodeMetadata:
            packer = _packers.pop() if _packers else msgpack.Packer()
            packed = packer.pack(metadata if metadata.__class__ is dict else _all_fields(metadata))
            if len(packed) <= MAX_FIELD_BYTES:
                _packers.append(packer)
                return packed, []
    except Exception:  # noqa: BLE001 - values of numpy or torch, or none that metadata can have: the careful way tells
        pass
    given, wrong = given_metadata(metadata)
    return pack_body(given), wrong


def read_metadata(packed: bytes) -> tuple[dict[str, Any], list[UsageError]]:
    """What ``given_metadata`` makes of the metadata that ``own_metadata`` copied."""
    # Keys are whatever the trainer's are; tuples can be one, lists can't.
    values = msgpack.unpackb(packed, use_list=False, strict_map_key=False, object_pairs_hook=_with_keys)
    return given_metadata(EpisodeMetadata(*values) if isinstance(values, tuple) else values)


def _with_keys(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A map; msgpack packs some keys that can't be one where it is unpacked: their text stands for them."""
    values = {}
    for key, item in pairs:
        try:
            values[key] = item
        except TypeError:
            values[str(key)] = item
    return values


def given_metadata(
    metadata: EpisodeMetadata | Mapping[str, Any] | None,
) -> tuple[dict[str, Any], list[UsageError]]:
    """The fields that the trainer gave, as ``EpisodeMetadata.to_map`` writes them, and what is wrong with the others.

    What is left out is summed from the steps. In a map everything counts as given; in an ``EpisodeMetadata`` whatever
    differs from its default does, the three returns together.
    """
    if metadata is None:
        return {}, []
    try:
        values = _values_in(metadata)
    except Exception as error:  # noqa: BLE001 - no map after all
        found = type(metadata).__name__
        return {}, [UsageError(f"metadata: expected EpisodeMetadata or a map, found {found}: {error}")]
    given: dict[str, Any] = {}
    wrong = []

    def refuse(name: str, error: Exception) -> None:
        wrong.append(UsageError(f"metadata: {name}: {error}"))

    for name, value in values.items():
        refuse_part = partial(_refuse_part, refuse, name)
        try:
            if name in ENTRIES:
                kept = _entries(value, ENTRIES[name], refuse_part)
            elif name in CONVERSIONS:
                kept = CONVERSIONS[name](value)
            else:
                kept = plain(dict(value) if name == "info" else value, refuse=refuse_part)
            if kept != {} or not value:  # of a map without a good entry nothing was given
                given[name] = kept
        except Exception as error:  # noqa: BLE001 - whatever an object of the trainer's raises when it is read
            refuse(name, error)
    if not is_small_and_sound(given):
        given, unusable = usable_fields(given)
        wrong += unusable
    if isinstance(metadata, EpisodeMetadata):
        given = {name: value for name, value in given.items() if value != _PLAIN_DEFAULTS.get(name)}
        if any(name in given for name in RETURNS):
            given.update({name: 0.0 for name in RETURNS if name not in given})
    return given, wrong


def _refuse_part(refuse: Refuse, name: str, place: str, error: Exception) -> None:
    refuse(f"{name}{place}", error)


def _entries(value: Any, convert: Callable[[Any], Any], refuse: Refuse) -> dict[str, Any]:
    """A map, with those of its entries that can be converted."""
    kept = {}
    for name, item in dict(value).items():
        try:
            kept[spelled(name)] = convert(item)
        except Exception as error:  # noqa: BLE001 - as in ``given_metadata``
            refuse(f".{spelled(name)}", error)
    return kept


def _values_in(metadata: EpisodeMetadata | Mapping[str, Any]) -> dict[str, Any]:
    """The fields that count as given, as they are."""
    if isinstance(metadata, EpisodeMetadata):
        return {
            name: value
            for name, default in _DEFAULTS.items()
            if not ((value := getattr(metadata, name)).__class__ is default.__class__ and value == default)
        }
    return {str(name): value for name, value in metadata.items() if value is not None}


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
