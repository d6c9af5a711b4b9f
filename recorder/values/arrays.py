"""Reading arrays and tensors, without copying them and without importing torch."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError

__all__ = ["as_array", "index_of_places", "is_cuda"]


def as_array(value: Any) -> NDArray[Any]:
    """A numpy view, or a copy where there is no view, in native byte order.

    Raises:
        UsageError: it is not made of numbers, or it is on a device.
    """
    array = _tensor_view(value) if hasattr(value, "numpy") else np.asarray(value)
    if array.dtype.kind == "O" and not hasattr(value, "dtype"):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            array = np.asarray(value, np.uint64)  # whole numbers beyond 63 bits
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise UsageError(f"expected numbers, found {array.dtype} in {type(value).__name__}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def index_of_places(places: Sequence[int]) -> slice | list[int]:
    """The index of some places on an axis: a slice where they are evenly spaced.

    A slice of a tensor on a device is a view; a list would be copied to the device, and the trainer would wait for that.
    """
    spaces = {after - before for before, after in pairwise(places)}
    if not places or len(spaces) > 1 or min(spaces, default=1) < 1:
        return list(places)
    return slice(places[0], places[-1] + 1, next(iter(spaces), 1))


def is_cuda(value: Any) -> bool:
    """Whether a value is a tensor outside the computer's own memory."""
    device = getattr(value, "device", None)
    return device is not None and getattr(device, "type", "cpu") not in ("cpu", "meta") and hasattr(value, "detach")


def _tensor_view(tensor: Any) -> NDArray[Any]:
    try:
        return tensor.numpy()  # type: ignore[no-any-return]
    except (RuntimeError, TypeError):
        pass
    # A tensor that needs a gradient, is conjugated, or has a dtype that numpy lacks (bfloat16).
    if is_cuda(tensor):
        raise UsageError("a tensor on a device can't be read without stopping the trainer")
    plain = tensor.detach().resolve_conj().resolve_neg()
    try:
        return plain.numpy()  # type: ignore[no-any-return]
    except TypeError:
        return plain.float().numpy()  # type: ignore[no-any-return]
