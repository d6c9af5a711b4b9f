"""Reading a trainer's values: arrays, tensors and numbers, without copying them and without importing torch."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX, MAX_NAME_LENGTH
from recorder.values.arrays import as_array, is_cuda

__all__ = [
    "as_array",
    "as_scalar",
    "checked_extras",
    "checked_name",
    "is_cuda",
    "whole_number",
    "whole_numbers",
]


_INT64 = np.dtype(np.int64)


def as_scalar(value: Any) -> NDArray[Any]:
    """One number as an array without axes.

    Raises:
        UsageError: it is not one number, or it is on a device.
    """
    array = as_array(value)
    if array.size != 1:
        raise UsageError(f"expected one number, found an array of shape {array.shape}")
    return array.reshape(())


def checked_name(name: Any) -> str:
    """The name of one of the extras.

    Raises:
        UsageError: it is not a text that UTF-8 can hold, or it is too long.
    """
    if not isinstance(name, str):
        raise UsageError(f"extras: expected names that are texts, found {name!r:.60}")
    if len(name) > MAX_NAME_LENGTH - len(EXTRAS_PREFIX):
        raise UsageError(f"extras: a name has {len(name)} characters, at most {MAX_NAME_LENGTH - len(EXTRAS_PREFIX)}")
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"extras: a name has characters that UTF-8 can't hold: {name!r:.60}") from error
    return name


def checked_extras(extras: Any) -> Mapping[Any, Any]:
    """The extras of a call.

    Raises:
        UsageError: they are no map.
    """
    if not isinstance(extras, Mapping):
        raise UsageError(f"extras: expected a map, found {type(extras).__name__}")
    return extras


def whole_number(value: Any) -> int:
    """The number of an episode, a step or a lane, from an int of Python, numpy or torch.

    Raises:
        UsageError: it is not a whole number from 0 to 2**63 - 1, or it is on a device.
    """
    if value.__class__ is int and 0 <= value < 2**63:
        return value
    if is_cuda(value):
        raise UsageError("ids, step numbers and lanes are needed on the host at once: pass ints or CPU tensors")
    try:
        number = operator.index(value)
    except TypeError as error:
        raise UsageError(f"expected a whole number, found {type(value).__name__}: {value!r:.60}") from error
    if not 0 <= number < 2**63:
        raise UsageError(f"expected a number from 0 to 2**63 - 1, found {number}")
    return number


def whole_numbers(name: str, value: Any) -> NDArray[np.int64]:
    """``int64[n]`` on the host: ids, step numbers or lanes of one call.

    Raises:
        UsageError: they are not that.
    """
    if value.__class__ is np.ndarray and value.dtype is _INT64 and value.ndim == 1:
        return value
    if value.__class__ is not np.ndarray and is_cuda(value):
        raise UsageError(f"{name}: needed on the host at once: pass numpy arrays or CPU tensors, found {value.device}")
    array = as_array(value)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise UsageError(f"{name}: expected whole numbers, one a lane, found {array.dtype}{list(array.shape)}")
    return array.astype(np.int64, copy=False)
