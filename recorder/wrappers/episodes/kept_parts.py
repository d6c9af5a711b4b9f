"""Which parts of an observation are recorded where nobody told: small ones, and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from recorder.values.arrays import as_array
from recorder.values.picture_shape import picture_shape
from recorder.wrappers.episodes.plan import SMALL_BYTES

__all__ = ["KeptParts"]


class KeptParts:
    """Decides with the first observation, because all that follow are like it.

    Args:
        wanted: all parts or none; None keeps pictures, and the others if they have up to 4 KiB together.
    """

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = wanted
        self._numbers: frozenset[str] | None = None
        self._pictures: frozenset[str] = frozenset()

    def of(self, parts: Mapping[str, Any], *, n_lanes: int | None = None) -> Mapping[str, Any]:
        """Those of the parts that are recorded.

        Args:
            parts: by name.
            n_lanes: they have a leading axis of so many lanes; None if they have none.
        """
        if self._wanted is not None or not parts:
            return parts if self._wanted else {}
        numbers = self.numbers_of(parts, n_lanes=n_lanes)
        if len(numbers) == len(parts) and not self._pictures:
            return parts
        return {name: part for name, part in parts.items() if name in numbers or name in self._pictures}

    def numbers_of(self, parts: Mapping[str, Any], *, n_lanes: int | None = None) -> Mapping[str, Any]:
        """Those that are recorded and are no pictures; arguments as above."""
        if self._wanted is not None or not parts:
            return parts if self._wanted else {}
        if self._numbers is None:
            self._decide(parts, n_lanes)
        kept = self._numbers or ()
        return {name: part for name, part in parts.items() if name in kept}

    def _decide(self, parts: Mapping[str, Any], n_lanes: int | None) -> None:
        shapes = {
            name: (_dtype_of(part), tuple(part.shape) if hasattr(part, "shape") else None)
            for name, part in parts.items()
        }
        skipped = 0 if n_lanes is None else 1
        self._pictures = frozenset(
            name for name, (dtype, shape) in shapes.items() if shape and picture_shape(dtype, shape[skipped:])
        )
        numbers = {name: part for name, part in parts.items() if name not in self._pictures}
        is_small = sum(map(_n_bytes, numbers.values())) <= SMALL_BYTES * (n_lanes or 1)
        self._numbers = frozenset(numbers if is_small else ())


def _dtype_of(part: Any) -> str:
    """The dtype as numpy writes it; empty if it has none."""
    try:
        return np.dtype(str(part.dtype).removeprefix("torch.")).str
    except (AttributeError, TypeError):
        return ""


def _n_bytes(part: Any) -> int:
    if isinstance(part, str):
        return 0
    if hasattr(part, "nbytes"):
        return int(part.nbytes)
    array = as_array(part)
    return prod(array.shape) * array.dtype.itemsize
