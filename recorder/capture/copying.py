"""Making a trainer's values ours at the moment of the call, because trainers reuse their buffers.

Arrays become bytes, which is the cheapest copy there is; their dtypes and shapes hardly ever change, so they are not
stored with every step but once, in a ``Layout`` that steps point to. torch is never imported here: its tensors are
recognised when they arrive.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from recorder.errors import UsageError

__all__ = [
    "ARRAY_FIELDS",
    "ArrayKind",
    "Layout",
    "LayoutChangedError",
    "as_array",
    "copy_array",
    "copy_extra",
    "copy_extras",
    "copy_scalar",
    "is_cuda",
    "kind_of",
    "own_name",
]


class ArrayKind(NamedTuple):
    """What the bytes of an array field are.

    Args:
        tensor_dtype: torch's dtype of the tensors that it was made for; None for other arrays.
        packed_class: class of the tensors whose numbers ``pack`` makes bytes of; None when going by way of numpy is
            quicker.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    tensor_dtype: Any = None
    packed_class: type[Any] | None = None
    pack: Callable[..., bytes] | None = None


class Layout(NamedTuple):
    """The kinds of a step's array fields; None for one that was never an array."""

    position: ArrayKind | None = None
    meters: ArrayKind | None = None
    action: ArrayKind | None = None
    q_values: ArrayKind | None = None
    action_masks: ArrayKind | None = None


ARRAY_FIELDS = Layout._fields


class LayoutChangedError(Exception):
    """An array is not of the kind that the layout says. Never leaves the recorder."""


_MAX_PACKED = 16
"""Longest tensor that is copied number by number; a numpy view of one costs more than that (measured with torch
2.13)."""

_PACK_LETTERS = {
    "|b1": "?", "|i1": "b", "|u1": "B", "<i2": "h", "<i4": "i", "<i8": "q", "<f2": "e", "<f4": "f", "<f8": "d"
}  # fmt: skip

_packers: dict[str, Callable[..., bytes]] = {}
"""One packer a format, so that equal kinds are equal."""

_PLAIN = frozenset([float, int, bool, type(None), str])
_NUMPY_SCALAR = np.generic


def copy_array(value: Any, kind: ArrayKind | None) -> Any:
    """A field that may be an array: bytes of the given kind, or a tuple or number of Python's.

    Raises:
        Exception: it is of another kind, or can't be read this way; ``kind_of`` tells which.
    """
    cls = value.__class__
    # The usual case first, and by index: this is half of the time of ``record_step``.
    if kind is not None and cls is kind[3] and value.dtype is kind[2] and value.is_cpu:
        return kind[4](*value.tolist())  # type: ignore[misc]
    if cls in _PLAIN:
        return value
    if cls is tuple or cls is list:
        # The ends first: they are all that a position on a grid has. An array anywhere may be a buffer of the trainer's.
        if not value or (
            value[0].__class__ in _PLAIN
            and value[-1].__class__ in _PLAIN
            and (len(value) < 3 or _PLAIN.issuperset(map(type, value)))
        ):
            return tuple(value)
        return tuple(map(copy_scalar, value))
    if kind is None:
        raise LayoutChangedError
    dtype, shape, tensor_dtype, _, _ = kind
    if cls is np.ndarray:
        array = value
    elif tensor_dtype is not None:
        array = value.numpy()
    else:
        array = as_array(value)
    if (array.dtype is not dtype and array.dtype != dtype) or array.shape != shape:
        raise LayoutChangedError
    return array.tobytes()


def kind_of(value: Any) -> ArrayKind:
    """The kind of an array.

    Raises:
        UsageError: it is not made of numbers, or it lies on a device.
    """
    array = as_array(value)
    if not (hasattr(value, "is_cpu") and hasattr(value, "tolist")):
        return ArrayKind(array.dtype, array.shape)
    letter = _PACK_LETTERS.get(array.dtype.str)
    if array.ndim != 1 or array.size > _MAX_PACKED or letter is None:
        return ArrayKind(array.dtype, array.shape, value.dtype)
    key = f"<{array.size}{letter}"
    pack = _packers.get(key)
    if pack is None:
        pack = _packers[key] = struct.Struct(key).pack
    return ArrayKind(array.dtype, array.shape, value.dtype, value.__class__, pack)


def copy_scalar(value: Any) -> Any:
    """A field that is one number: Python's own and numpy's scalars are immutable and pass as they are.

    Raises:
        UsageError: it is not one number, or it lies on a device.
    """
    if value.__class__ in _PLAIN:
        return value
    array = as_array(value)
    if isinstance(value, _NUMPY_SCALAR):
        return value
    if array.size != 1:
        raise UsageError(f"expected one number, found an array of shape {array.shape}")
    return array.reshape(-1)[0]


def copy_extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Named extras, each a number or an array of its own.

    Raises:
        UsageError: a name is no text, a value is not made of numbers, or it lies on a device.
    """
    return {own_name(name): value if value.__class__ in _PLAIN else copy_extra(value) for name, value in extras.items()}


def own_name(name: Any) -> str:
    """The name of an extra.

    Raises:
        UsageError: it is no text, or holds letters that no file takes.
    """
    if not isinstance(name, str):
        raise UsageError(f"extras: expected names that are texts, found {name!r:.60}")
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"extras: a name holds letters that no file takes: {name!r:.60}") from error
    return name


def copy_extra(value: Any) -> Any:
    """One of the extras: a numpy scalar passes as it is, anything else becomes an array of our own.

    Raises:
        UsageError: it is not made of numbers, or it lies on a device.
    """
    array = as_array(value)
    return value if isinstance(value, _NUMPY_SCALAR) else np.array(array)


def as_array(value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """A numpy view, or a copy where there is no view, in little-endian order.

    Raises:
        UsageError: it is not made of numbers, or it lies on a device.
    """
    if hasattr(value, "numpy"):
        array = _tensor_view(value)
    else:
        array = np.asarray(value)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise UsageError(f"expected numbers, found {array.dtype} in {type(value).__name__}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _tensor_view(tensor: Any) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        return tensor.numpy()  # type: ignore[no-any-return]
    except (RuntimeError, TypeError):
        pass
    # A tensor that needs a gradient, is conjugated, or is of a type numpy lacks (bfloat16).
    if is_cuda(tensor):
        raise UsageError("a tensor on a device can't be read on the trainer's thread without stopping it")
    plain = tensor.detach().resolve_conj().resolve_neg()
    try:
        return plain.numpy()  # type: ignore[no-any-return]
    except TypeError:
        return plain.float().numpy()  # type: ignore[no-any-return]


def is_cuda(value: Any) -> bool:
    """Whether a value is a tensor that does not lie in the computer's own memory."""
    device = getattr(value, "device", None)
    return device is not None and getattr(device, "type", "cpu") not in ("cpu", "meta") and hasattr(value, "detach")
