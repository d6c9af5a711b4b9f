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

from recorder.episode import EpisodeMetadata
from recorder.errors import UsageError
from recorder.publish.metadata.bounds import MAX_FIELD_BYTES, is_small_and_sound, usable_fields
from recorder.publish.metadata.conversions import CONVERSIONS, ENTRIES, RETURNS
from recorder.publish.metadata.plain import Refuse, plain, spelled
from recorder.step_stream import pack_body

__all__ = ["NOTHING_GIVEN", "given_metadata", "own_metadata", "read_metadata"]

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
