"""The trainer's side of ``record_batch``: arrays with a leading lane axis into the rows of a block."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.capture.batch_block import NEVER_ARRIVED, NO_STEP, BatchBlock, BatchKind
from recorder.capture.copying import as_array, is_cuda, own_name
from recorder.capture.cuda_ring import DeviceCopy
from recorder.capture.handover import BatchRow
from recorder.capture.rows import DeviceRows
from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX, STEP_FIELDS

__all__ = ["BatchPlaces", "BatchValues", "BatchWriter", "DeviceBatchRow", "batch_places", "batch_values"]

_log = logging.getLogger(__name__)


class DeviceBatchRow:
    """A row of a block some of whose columns are still on their way from a device."""

    def __init__(self, row: BatchRow, names: list[str], copy: DeviceCopy) -> None:
        self._row = row
        self._names = names
        self._copy = copy

    @property
    def n_steps(self) -> int:
        """Steps in it."""
        return self._row.n_steps

    def resolve(self) -> BatchRow:
        """Wait for the device and fill the row; on the background thread."""
        block, row = self._row.block, self._row.row
        try:
            for name, array in zip(self._names, self._copy.wait(), strict=True):
                block.columns[name][row] = array
        except Exception as error:  # noqa: BLE001 - whatever the device says; the row must not be taken for good
            ids = block.episode_ids[row]
            ids[ids != NO_STEP] = NEVER_ARRIVED
            _log.error("recorder: a step of %d lanes was lost on its way from the device: %s", self.n_steps, error)
        return self._row


class BatchWriter:
    """Keeps the block that is being filled. One thread at a time.

    Args:
        device_rows: brings tensors from devices.
    """

    def __init__(self, device_rows: DeviceRows) -> None:
        self._device_rows = device_rows
        self._block: BatchBlock | None = None
        self._lanes = b""
        """Those of the block; bytes compare four times as quickly as arrays."""

    def write_alike(self, places: BatchPlaces, values: Mapping[str, Any]) -> BatchRow | None:
        """Copy one call into the next row when it is of the very kind of the call before; None when it is another.

        Two thirds of the time of ``batch_values`` and ``write`` go into finding out what that kind is. In a training loop
        the caches hold the network by now, so what counts here is how many things are touched.
        """
        block = self._block
        if block is None or block.n_rows >= block.max_rows or self._lanes != places.lanes.tobytes():
            return None
        row, n_columns, kind, columns = block.n_rows, 0, block.kind, block.columns
        try:
            if values["extras"] is not None:
                values = dict(_named(values))
            for name, value in values.items():
                if value is None:
                    continue
                array = value if value.__class__ is np.ndarray else value.numpy()
                dtype, shape = kind[name]
                if array.dtype is not dtype and array.dtype != dtype:
                    return None
                if array.shape != shape:
                    if name not in _SCALAR_FIELDS:
                        return None
                    array = _one_a_lane(array, len(block.lanes))
                columns[name][row] = array
                n_columns += 1
        except Exception:  # noqa: BLE001 - a new column, no array, a tensor on a device: whatever it is, it is of another kind
            return None
        if n_columns < len(kind):
            return None
        return BatchRow(block, block.write(places.episode_ids, places.steps, {}), places.n_steps)

    def write(self, places: BatchPlaces, owned: BatchValues) -> BatchRow | DeviceBatchRow | None:
        """Copy one call into the next row; None when the ring of pinned memory is full."""
        copy = None
        if owned.on_device:
            copy = self._device_rows.copy(list(owned.on_device.values()))
            if copy is None:
                return None
        kind: BatchKind = {name: (array.dtype, array.shape) for name, array in owned.host.items()}
        if copy is not None:
            kind.update(zip(owned.on_device, copy.kinds, strict=True))
        lanes = places.lanes.astype(np.int64, copy=False)
        block = self._block
        if block is None or block.n_rows >= block.max_rows or block.kind != kind or self._lanes != lanes.tobytes():
            block = self._block = BatchBlock(kind, lanes.copy())
            self._lanes = block.lanes.tobytes()
        row = BatchRow(block, block.write(places.episode_ids, places.steps, owned.host), places.n_steps)
        return row if copy is None else DeviceBatchRow(row, list(owned.on_device), copy)


_INT64 = np.dtype(np.int64)

_NUMBER_DTYPES = frozenset(map(np.dtype, "?bBhHiIlLqQefd"))
"""What ``as_array`` takes as it is."""


_SCALAR_FIELDS = frozenset(name for name, kind in STEP_FIELDS.items() if kind == "scalar")
"""What ``record_step`` takes as one number."""


class BatchPlaces(NamedTuple):
    """Where the steps of one call belong: arrays ``int64[n_lanes]``; views, valid during the call."""

    episode_ids: NDArray[Any]
    steps: NDArray[Any]
    lanes: NDArray[Any]
    n_steps: int
    """Lanes that have one."""

    def each_step(self) -> Iterator[tuple[int, int, int]]:
        """Episode id, step number and lane of each step."""
        for place in zip(self.episode_ids.tolist(), self.steps.tolist(), self.lanes.tolist(), strict=True):
            if place[0] != NO_STEP:
                yield place


class BatchValues(NamedTuple):
    """The values of one call by column; views, valid during the call."""

    host: dict[str, NDArray[Any]]
    on_device: dict[str, Any]
    problems: list[str]
    """What can't be recorded, and why."""


def batch_places(episode_ids: Any, steps: Any, lanes: Any) -> BatchPlaces:
    """Check where the steps of a call belong.

    Raises:
        UsageError: these are not whole numbers, one a lane; without them nothing can be recorded.
    """
    ids = _whole_numbers("episode_ids", episode_ids)
    places = BatchPlaces(
        ids,
        _whole_numbers("steps", steps),
        np.arange(len(ids)) if lanes is None else _whole_numbers("lanes", lanes),
        len(ids) - int(np.count_nonzero(ids == NO_STEP)),
    )
    if not len(ids) == len(places.steps) == len(places.lanes):
        found = {name: len(getattr(places, name)) for name in ("episode_ids", "steps", "lanes")}
        raise UsageError(f"expected one number a lane in each, found {found}")
    return places


def batch_values(values: Mapping[str, Any], n_lanes: int) -> BatchValues:
    """Look at the values of a call one by one; what can't be recorded costs itself alone."""
    found = BatchValues({}, {}, [])
    extras = values.get("extras")
    if extras is not None and not isinstance(extras, Mapping):
        found.problems.append(f"extras: expected a map, found {type(extras).__name__}")
        values = {**values, "extras": None}
    for name, value in _named(values):
        if value is None:
            continue
        try:
            own_name(name)
            on_host = _host_view(value)
            array = value if on_host is None else on_host
            if not array.shape or array.shape[0] != n_lanes:
                raise UsageError(f"expected a leading axis of {n_lanes} lanes, found shape {tuple(array.shape)}")
            if name in _SCALAR_FIELDS and len(array.shape) > 1:
                array = _one_a_lane(array, n_lanes)
        except Exception as error:  # noqa: BLE001 - whatever an object of the trainer's raises when it is read
            found.problems.append(f"{name}: {error}")
        else:
            (found.on_device if on_host is None else found.host)[name] = array
    return found


def _one_a_lane(array: Any, n_lanes: int) -> Any:
    """``[n_lanes]`` of an array or tensor ``[n_lanes, 1, …]``.

    Raises:
        UsageError: it has another shape.
    """
    if array.shape[0] != n_lanes or math.prod(array.shape[1:]) != 1:
        raise UsageError(f"expected one number a lane, found shape {tuple(array.shape)}")
    return array.reshape(n_lanes)


def _named(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of a call by column, the extras after the others."""
    for name, value in values.items():
        if name != "extras":
            yield name, value
    for name, value in (values.get("extras") or {}).items():
        yield f"{EXTRAS_PREFIX}{name}", value


def _host_view(value: Any) -> NDArray[Any] | None:
    """A view of a value; None when it lies on a device."""
    if getattr(value, "is_cpu", False) and not value.requires_grad:
        try:
            array = value.numpy()  # the usual case, by the shortest way
        except (RuntimeError, TypeError):
            return as_array(value)
        if array.dtype in _NUMBER_DTYPES:
            return array  # type: ignore[no-any-return]
    return None if is_cuda(value) else as_array(value)


def _whole_numbers(name: str, value: Any) -> NDArray[Any]:
    if value.__class__ is np.ndarray and value.dtype is _INT64 and value.ndim == 1:
        return value
    if value.__class__ is not np.ndarray and is_cuda(value):
        raise UsageError(f"{name}: needed on the host at once: pass numpy arrays or CPU tensors, found {value.device}")
    array = as_array(value)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise UsageError(f"{name}: expected whole numbers, one a lane, found {array.dtype}{list(array.shape)}")
    return array
