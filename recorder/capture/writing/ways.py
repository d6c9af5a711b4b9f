"""How the values of a field come: their class, dtype and shape, found once and then only compared.

A way widens when its values vary: a field that is missing now and then becomes nullable, and a column of Python's numbers
takes the widest of bool, int64 and float64. So a trainer settles on one layout after its first few steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from recorder.black_box import Field
from recorder.capture.reading.device import device_dtype
from recorder.capture.reading.tensor_bytes import has_plain_memory
from recorder.capture.reading.texts import ROOMY_BYTES, capacity_for
from recorder.capture.reading.values import as_array, as_scalar, is_cuda
from recorder.errors import UsageError
from recorder.framing import MAX_FRAME_BYTES
from recorder.runtime.python_versions import StrEnum
from recorder.schema import ALLOWED_DTYPES, MAX_COLUMNS, MAX_DIMENSIONS, STEP_FIELDS

__all__ = ["Form", "Way", "block_way", "fitting", "no_room", "step_way", "widened"]

_MAX_UNROLLED = 16
"""The longest sequence of Python's numbers that is packed number by number; a numpy array of one takes longer than that."""

_MAX_UNROLLED_TENSOR = 8
"""The longest tensor that is; the bytes of a longer one take less time than its ``tolist``."""

_MAX_PACKED_BYTES = 512
"""The largest array that goes through a bytes object; larger ones are copied straight into the ring."""

_LARGE_BYTES = 4096

_MAX_STEP_BYTES = MAX_FRAME_BYTES // 2
_MAX_STEP_COLUMNS = MAX_COLUMNS // 2
"""The other half is room for columns that later steps add."""

_NUMBER_DTYPES = {bool: np.dtype(np.bool_), int: np.dtype(np.int64), float: np.dtype(np.float64)}
_WIDTH = {dtype: width for width, dtype in enumerate(_NUMBER_DTYPES.values())}


class Form(StrEnum):
    """How a value is read."""

    NUMBER = "number"
    """A bool, int or float of Python."""
    NUMBERS = "numbers"
    """A short tuple or list of them."""
    SCALAR = "scalar"
    """A scalar of numpy."""
    UNROLLED = "unrolled"
    """A short tensor on the host, as a list of numbers."""
    BYTES = "bytes"
    """A small array of numpy, as bytes."""
    COPIED = "copied"
    """Anything else that numpy can view, copied straight into the ring."""
    DEVICE = "device"
    """A tensor on a device."""
    TEXT = "text"
    """A text, as UTF-8 in a place that is as large as it or larger."""


class Way(NamedTuple):
    """How one field comes.

    Args:
        cls: exact class of the values; None where any will do.
        tensor_dtype: torch's dtype of tensors that own their memory, in a dtype that numpy has; None for all others.
        given_shape: of the values as they come: one number may come as an array of one.
    """

    form: Form
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    cls: type[Any] | None = None
    tensor_dtype: Any = None
    given_shape: tuple[int, ...] = ()
    is_nullable: bool = False

    @property
    def n_bytes(self) -> int:
        """Bytes that one value takes in a record."""
        return self.dtype.itemsize * math.prod(self.shape)

    @property
    def is_large(self) -> bool:
        """Whether the value, such as a picture, is left out first when the ring fills."""
        return self.n_bytes >= _LARGE_BYTES

    @property
    def has_address(self) -> bool:
        """Whether it comes as a tensor whose memory can be read."""
        return self.tensor_dtype is not None and self.n_bytes > 0

    @property
    def is_number(self) -> bool:
        """Whether the dtype may widen within a column."""
        return self.form in (Form.NUMBER, Form.NUMBERS) and self.shape != (0,)

    def field(self, name: str) -> Field:
        """The column that it makes."""
        return Field(name, self.dtype, self.shape, self.is_nullable, self.is_number)


def step_way(name: str, value: Any) -> Way:
    """How a value of a step comes.

    Args:
        name: of the column.
        value: a text as the bytes that ``recorder.capture.reading.texts`` made of it.

    Raises:
        UsageError: it can't be recorded.
    """
    is_scalar = STEP_FIELDS.get(name) == "scalar"
    cls = value.__class__
    if cls is bytes and name not in STEP_FIELDS:
        return Way(Form.TEXT, np.dtype(f"S{capacity_for(len(value))}"), (), str)
    if cls in _NUMBER_DTYPES and not (cls is int and not -(2**63) <= value < 2**63):
        return Way(Form.NUMBER, _NUMBER_DTYPES[cls], (), cls)
    if is_cuda(value):
        return _device_way(value, is_scalar=is_scalar)
    if (
        cls in (tuple, list)
        and 0 < len(value) <= _MAX_UNROLLED
        and all(item.__class__ in _NUMBER_DTYPES for item in value)
    ):
        dtype = max((_NUMBER_DTYPES[item.__class__] for item in value), key=_WIDTH.__getitem__)
        if not is_scalar and _fits(value, dtype):
            return Way(Form.NUMBERS, dtype, (len(value),), cls)
    if cls in (tuple, list) and not len(value) and not is_scalar:
        return Way(Form.NUMBERS, np.dtype(np.float32), (0,), cls)
    array = as_array(value)
    given_shape = array.shape
    if is_scalar:
        array = as_scalar(array)
    if array.dtype.str not in ALLOWED_DTYPES or array.ndim > MAX_DIMENSIONS:
        raise UsageError(f"can't record dtype {array.dtype} with {array.ndim} axes")
    if isinstance(value, np.generic):
        return Way(Form.SCALAR, array.dtype, (), cls)
    tensor_dtype = _plain_tensor_dtype(value, array.dtype)
    if tensor_dtype is not None and len(given_shape) <= 1 and array.size <= _MAX_UNROLLED_TENSOR:
        return Way(Form.UNROLLED, array.dtype, array.shape, cls, tensor_dtype, given_shape)
    has_bytes = value.dtype == array.dtype if cls is np.ndarray else tensor_dtype is not None and array.nbytes > 0
    is_small = has_bytes and array.nbytes <= _MAX_PACKED_BYTES
    return Way(Form.BYTES if is_small else Form.COPIED, array.dtype, array.shape, cls, tensor_dtype, given_shape)


def _device_way(value: Any, *, is_scalar: bool) -> Way:
    if value.device.type != "cuda":
        raise UsageError(
            f"a tensor on {value.device} can't be recorded without stopping the trainer: pass a CPU tensor"
        )
    dtype = device_dtype(value)
    if is_scalar and value.numel() != 1:
        raise UsageError(f"expected one number, found an array of shape {tuple(value.shape)}")
    return Way(Form.DEVICE, dtype, () if is_scalar else tuple(value.shape), value.__class__, value.dtype)


def fitting(ways: Mapping[str, Way], max_bytes: int) -> dict[str, Way]:
    """The first ways that a record and the readers of files have room for.

    Args:
        max_bytes: of the values of one step.
    """
    left = min(max_bytes, _MAX_STEP_BYTES)
    kept: dict[str, Way] = {}
    for name, way in ways.items():
        if way.n_bytes <= left and len(kept) < _MAX_STEP_COLUMNS:
            kept[name] = way
            left -= way.n_bytes
    return kept


def no_room(name: str, way: Way) -> str:
    """What is wrong with a way that ``fitting`` has left out."""
    return (
        f"{name}: no room for its {way.n_bytes} bytes beside the step's other values: all together take at most a quarter of "
        "the black box; raise capture.black_box_bytes"
    )


def widened(before: Way, now: Way | None, value: Any = None) -> Way | None:
    """A way for what came before and what comes now; None when no one way takes both.

    Args:
        now: None where the value is missing.
        value: what comes now; a whole number that a float would round is not widened to one.
    """
    if now is None:
        return before._replace(is_nullable=True)
    if before.form is now.form is Form.TEXT:
        # A long text now and then must not make the records of all others as long.
        wider = max(before, now, key=lambda way: way.n_bytes)
        return (wider if wider.n_bytes <= ROOMY_BYTES else now)._replace(is_nullable=before.is_nullable)
    if before.is_number and now.form is before.form and now.shape == before.shape:
        dtype = max(before.dtype, now.dtype, key=_WIDTH.__getitem__)
        if dtype != now.dtype and not _fits(value if now.form is Form.NUMBERS else (value,), dtype):
            return None
        return now._replace(dtype=dtype, is_nullable=before.is_nullable)
    return (
        now._replace(is_nullable=before.is_nullable)
        if now.dtype == before.dtype and now.shape == before.shape
        else None
    )


def _fits(values: Any, dtype: np.dtype[Any]) -> bool:
    """Whether whole numbers stay what they are in that dtype."""
    most = 2**53 if dtype.kind == "f" else 2**63
    return all(item.__class__ is not int or -most <= item < most for item in values)


def _plain_tensor_dtype(value: Any, dtype: np.dtype[Any]) -> Any:
    """The torch dtype of a tensor whose numbers numpy has, too; None for anything else."""
    if not (hasattr(value, "is_cpu") and hasattr(value, "tolist")):
        return None
    try:
        return value.dtype if has_plain_memory(type(value)) and value.detach().numpy().dtype == dtype else None
    except (RuntimeError, TypeError):
        return None  # it is made up of others, or numpy lacks its dtype


def block_way(name: str, value: Any, lead: tuple[int, int]) -> Way:
    """How a column of a block comes; its shape is that of one step.

    Args:
        value: texts as the array that ``recorder.capture.reading.texts`` made of them.
        lead: rows and lanes; a single row may come without its axis.

    Raises:
        UsageError: it can't be recorded.
    """
    if value.__class__ is np.ndarray and value.dtype.kind == "S":
        return Way(Form.TEXT, value.dtype, (), np.ndarray)
    is_device = is_cuda(value)
    array = value if is_device else as_array(value)
    shape = tuple(array.shape)
    axes = lead if lead[0] > 1 else lead[1:]
    if shape[: len(axes)] != axes:
        expected = f"axes of {axes[0]} steps and {axes[1]} lanes" if len(axes) > 1 else f"an axis of {axes[0]} lanes"
        raise UsageError(f"expected {expected} first, found shape {shape}")
    own = shape[len(axes) :]
    if STEP_FIELDS.get(name) == "scalar":
        if math.prod(own) != 1:
            raise UsageError(f"expected one number a lane, found shape {shape}")
        own = ()
    if is_device:
        return _device_way(value, is_scalar=False)._replace(shape=own)
    if array.dtype.str not in ALLOWED_DTYPES or len(own) > MAX_DIMENSIONS:
        raise UsageError(f"can't record dtype {array.dtype} with {len(own)} axes")
    return Way(Form.COPIED, array.dtype, own, value.__class__, _plain_tensor_dtype(value, array.dtype), shape)
