"""How much metadata an episode may have: what is too large, or can't be what it is, is left out part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recorder.episode import EpisodeMetadata
from recorder.errors import UsageError
from recorder.step_stream import pack_body

__all__ = ["MAX_FIELD_BYTES", "is_small_and_sound", "usable_fields"]

MAX_FIELD_BYTES = 64 * 2**10
"""Packed size of one field: readers bound what they unpack, and larger things belong into ``extras``."""

_MAX_BYTES = 2**20
_MAX_CONTAINERS = 10_000
"""Packed size of all fields together, and the lists and maps in them. The header of a file may have 4 MiB and 100,000; the
other fields, the schema, the gaps and the fields that all episodes share have to find room there too."""


def is_small_and_sound(given: Mapping[str, Any]) -> bool:
    """Whether all fields can be what they are, and together are small enough for one, which is the usual case."""
    try:
        EpisodeMetadata.from_map(given)
        return len(pack_body(given)) <= _MAX_CONTAINERS  # a list or a map takes a byte at least
    except Exception:  # noqa: BLE001 - field by field is found out which it is
        return False


def usable_fields(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[UsageError]]:
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
        left_bytes = MAX_FIELD_BYTES
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
                f"{n_bytes} bytes and {n_containers} lists and maps; a field may have {MAX_FIELD_BYTES} bytes, all "
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
