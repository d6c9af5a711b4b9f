"""What a trainer says of an episode when it ends, made plain: numbers, texts, lists and maps that msgpack can carry.

An episode's end must never be lost over its metadata, so a field that can't be used is left out and named, and the
others stand. On the trainer's thread the metadata is only made ours, as bytes; what is in them is looked at by who takes
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, fields
from functools import partial
from operator import attrgetter
from typing import Any

import msgpack
import numpy as np

from recorder.arrays import as_array, is_cuda
from recorder.episode import EpisodeMetadata, Substrate
from recorder.errors import UsageError
from recorder.step_stream import pack_body
from recorder.text import encode_integer, sanitize_text

__all__ = ["NOTHING_GIVEN", "given_metadata", "own_metadata", "plain", "read_metadata"]

_MAX_FIELD_BYTES = 64 * 2**10
"""Packed size of one field: readers bound what they unpack, and larger things belong into ``extras``."""

_MAX_BYTES = 2**20
_MAX_CONTAINERS = 10_000
"""Packed size of all fields together, and the lists and maps in them. The header of a file may have 4 MiB and 100,000; the
other fields, the schema, the gaps and the fields that all episodes share have to find room there too."""

_MAX_DEPTH = 64
"""Levels of lists and maps in each other: more than anyone reads, and fewer than msgpack and Python follow."""

NOTHING_GIVEN = pack_body({})
"""What ``own_metadata`` makes of nothing."""

_RETURNS = ("total_reward", "extrinsic_reward", "intrinsic_reward")


Refuse = Callable[[str, Exception], None]
"""Called with a part that can't be kept: its place (``.name``, ``[3]``), and why."""


def plain(value: Any, *, refuse: Refuse | None = None) -> Any:
    """The same in msgpack's own types: arrays become lists, whole numbers beyond 64 bits text (``encode_integer``).

    Args:
        refuse: called with each part of a map or a list that can't be kept; the others stand, and in a list None stands for it.

    Raises:
        UsageError: the value, or without ``refuse`` a part of it, is neither a number, a text, a list nor a map, or it is on a
            device.
    """
    return _plain(value, refuse, "", ())


def _plain(value: Any, refuse: Refuse | None, at: str, around: tuple[int, ...]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | float | bytes):
        return value
    if isinstance(value, str):
        return sanitize_text(str(value))
    if isinstance(value, int):
        return encode_integer(value)
    if is_cuda(value):
        raise UsageError("a tensor on a device: pass what metadata says as numbers")
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        value = value.tolist()
    elif isinstance(value, np.ndarray) or hasattr(value, "numpy"):
        return as_array(value).tolist()
    if not isinstance(value, Mapping | Sequence | Set):
        raise UsageError(f"expected numbers, texts, lists or maps, found {type(value).__name__}: {value!r:.60}")
    if id(value) in around or len(around) >= _MAX_DEPTH:
        raise UsageError(f"it holds itself, or is nested more than {_MAX_DEPTH} levels deep")
    around = (*around, id(value))
    kept: dict[str, Any] = {}
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, item in pairs:
        place = f"{at}.{_spelled(key)}" if isinstance(value, Mapping) else f"{at}[{key}]"
        name = _spelled(key)
        try:
            kept[name] = _plain(item, refuse, place, around)
        except Exception as error:
            if refuse is None:
                raise
            refuse(place, error)
            if not isinstance(value, Mapping):
                kept[name] = None
    return kept if isinstance(value, Mapping) else list(kept.values())


def _spelled(key: Any) -> str:
    """The name of an entry."""
    return sanitize_text(str(key))


def own_metadata(metadata: EpisodeMetadata | Mapping[str, Any] | None) -> tuple[bytes, list[UsageError]]:
    """A copy as bytes, for ``read_metadata``, and what is known to be wrong already.

    One call of msgpack's copies what is plain and small, as it most often is; only what it does not take is looked at here.
    """
    if metadata is None:
        return NOTHING_GIVEN, []
    try:
        if metadata.__class__ is EpisodeMetadata:
            packed = pack_body(_all_fields(metadata))
        elif metadata.__class__ is dict:
            packed = pack_body(metadata)
        else:
            packed = b""
        if 0 < len(packed) <= _MAX_FIELD_BYTES:
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
            if name in _ENTRIES:
                kept = _entries(value, _ENTRIES[name], refuse_part)
            elif name in _CONVERSIONS:
                kept = _CONVERSIONS[name](value)
            else:
                kept = plain(dict(value) if name == "info" else value, refuse=refuse_part)
            if kept != {} or not value:  # of a map without a good entry nothing was given
                given[name] = kept
        except Exception as error:  # noqa: BLE001 - whatever an object of the trainer's raises when it is read
            refuse(name, error)
    if not _is_small_and_sound(given):
        given, unusable = _usable(given)
        wrong += unusable
    if isinstance(metadata, EpisodeMetadata):
        given = {name: value for name, value in given.items() if value != _PLAIN_DEFAULTS[name]}
        if any(name in given for name in _RETURNS):
            given.update({name: 0.0 for name in _RETURNS if name not in given})
    return given, wrong


def _refuse_part(refuse: Refuse, name: str, place: str, error: Exception) -> None:
    refuse(f"{name}{place}", error)


def _entries(value: Any, convert: Callable[[Any], Any], refuse: Refuse) -> dict[str, Any]:
    """A map, with those of its entries that can be converted."""
    kept = {}
    for name, item in dict(value).items():
        try:
            kept[_spelled(name)] = convert(item)
        except Exception as error:  # noqa: BLE001 - as in ``given_metadata``
            refuse(f".{_spelled(name)}", error)
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


def _is_small_and_sound(given: Mapping[str, Any]) -> bool:
    """Whether all fields can be what they are, and together are small enough for one, which is the usual case."""
    try:
        EpisodeMetadata.from_map(given)
        return len(pack_body(given)) <= _MAX_CONTAINERS  # a list or a map takes a byte at least
    except Exception:  # noqa: BLE001 - field by field is found out which it is
        return False


def _usable(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[UsageError]]:
    """The fields that can be what they are and find room beside those before them, and what is wrong with the others.

    Of a map, entry by entry.
    """
    usable: dict[str, Any] = {}
    wrong = []
    room = _Room(_MAX_BYTES, _MAX_CONTAINERS)
    for name, value in given.items():
        parts: list[tuple[str, Any]] = [(name, value)]
        if isinstance(value, Mapping) and value:
            parts = [(f"{name}.{key}", {key: item}) for key, item in value.items()]
        left_bytes = _MAX_FIELD_BYTES
        for place, part in parts:
            try:
                EpisodeMetadata.from_map({name: part})
                left_bytes -= room.take({name: part}, part, left_bytes)
            except Exception as error:  # noqa: BLE001 - as above
                wrong.append(UsageError(f"metadata: {place}: {error}"))
            else:
                if isinstance(value, Mapping):
                    usable.setdefault(name, {}).update(part)
                else:
                    usable[name] = part
    return usable, wrong


@dataclass(slots=True)
class _Room:
    """What is left for the fields."""

    n_bytes: int
    n_containers: int

    def take(self, packable: Any, value: Any, left_bytes: int) -> int:
        """Bytes that it takes.

        Raises:
            UsageError: it finds no room.
        """
        n_bytes, n_containers = len(pack_body(packable)), _n_containers(value)
        if n_bytes > min(left_bytes, self.n_bytes) or n_containers > self.n_containers:
            raise UsageError(
                f"{n_bytes} bytes and {n_containers} lists and maps; a field may have {_MAX_FIELD_BYTES} bytes, all "
                f"fields together {_MAX_BYTES}, and {_MAX_CONTAINERS} lists and maps"
            )
        self.n_bytes -= n_bytes
        self.n_containers -= n_containers
        return n_bytes


def _n_containers(value: Any) -> int:
    """Lists and maps in a value, itself included."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list):
        return 0
    return 1 + sum(map(_n_containers, value))


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


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("episode_id", "survival_steps", "curriculum_stage", "lane", "n_steps", "env_steps"), _whole),
    **dict.fromkeys(("started_unix_nanos", "finished_unix_nanos"), _whole),
    **dict.fromkeys((*_RETURNS, "epsilon", "intrinsic_weight", "timestamp"), _decimal),
    **dict.fromkeys(("meter_names", "action_names"), _names),
    "grid_size": _grid_size,
    "substrate": _substrate,
    "status": str,
    "gaps": lambda _: [],
    "run_id": str,
}

_ENTRIES: dict[str, Callable[[Any], Any]] = {
    "affordance_visits": _whole,
    "custom_action_uses": _whole,
    "affordance_layout": _cell,
}
"""Fields that are maps, and what each of their entries is."""

_EMPTY = EpisodeMetadata()
_DEFAULTS = {field.name: getattr(_EMPTY, field.name) for field in fields(_EMPTY)}
_all_fields = attrgetter(*_DEFAULTS)
_PLAIN_DEFAULTS = _EMPTY.to_map()
