"""Making a step's row when the quick way of ``record_step`` does not fit: a new kind of array, or values on a
device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from recorder.capture.copying import (
    ARRAY_FIELDS,
    ArrayKind,
    Layout,
    as_array,
    copy_array,
    copy_extra,
    copy_scalar,
    is_cuda,
    kind_of,
    own_name,
)
from recorder.capture.cuda_ring import CudaRing, DeviceCopy
from recorder.capture.row_columns import ROW_FIELDS, Row
from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX

__all__ = ["DeviceRow", "DeviceRows", "Layouts", "OwnedValues", "own_values", "row_of"]

_VALUE_FIELDS = ROW_FIELDS[4:]

_PLAIN = frozenset([bool, int, float, str, tuple, list])

_MAX_LAYOUTS = 1000
"""An array that has another shape with every step must not fill memory with layouts."""


class OwnedValues(NamedTuple):
    """The values of a step, made ours one by one."""

    host: dict[str, Any]
    """Copies, by field; the extras under ``extras``."""
    kinds: dict[str, ArrayKind]
    """Kinds of the fields that are arrays."""
    on_device: dict[str, Any]
    """Tensors, by column name."""
    problems: list[str]
    """What can't be recorded, and why."""


def own_values(values: Mapping[str, Any]) -> OwnedValues:
    """Copy what can be copied; what can't costs itself alone."""
    owned = OwnedValues({"extras": {}}, {}, {}, [])
    for name, value in values.items():
        if value is None or name == "extras":
            continue
        try:
            if is_cuda(value):
                owned.on_device[name] = value
            elif name not in ARRAY_FIELDS:
                owned.host[name] = copy_scalar(value)
            elif value.__class__ in _PLAIN:
                owned.host[name] = copy_array(value, None)
            else:
                owned.kinds[name] = kind_of(value)
                owned.host[name] = np.array(as_array(value))
        except Exception as error:  # noqa: BLE001 - whatever an object of the trainer's raises when it is read
            owned.problems.append(f"{name}: {error}")
    extras = values.get("extras") or {}
    if not isinstance(extras, Mapping):
        owned.problems.append(f"extras: expected a map, found {type(extras).__name__}")
        extras = {}
    for name, value in extras.items():
        try:
            if is_cuda(value):
                owned.on_device[f"{EXTRAS_PREFIX}{own_name(name)}"] = value
            else:
                owned.host["extras"][own_name(name)] = None if value is None else copy_extra(value)
        except Exception as error:  # noqa: BLE001 - the same
            owned.problems.append(f"{EXTRAS_PREFIX}{name}: {error}")
    return owned


class Layouts:
    """The layouts seen so far, each one once, so that rows of the same kind point to the same object."""

    def __init__(self) -> None:
        self._known: dict[Layout, Layout] = {}

    def of(self, kinds: Mapping[str, ArrayKind], before: Layout) -> Layout:
        """The layout of arrays of these kinds; fields that are no arrays keep their kind."""
        layout = before._replace(**kinds)
        if len(self._known) >= _MAX_LAYOUTS:
            self._known.clear()
        return self._known.setdefault(layout, layout)


def row_of(place: tuple[int, int, int], host: Mapping[str, Any], layout: Layout) -> Row:
    """A row of values that are ours.

    Args:
        place: episode id, step, lane.
        layout: fits the arrays among them.
    """
    fields: list[Any] = [*place, layout]
    for name in _VALUE_FIELDS:
        value = host.get(name)
        if name in ARRAY_FIELDS:
            value = copy_array(value, getattr(layout, name))
        fields.append(value if name != "extras" else value or None)
    return tuple(fields)


class DeviceRow:
    """A step some of whose values are still on their way from a device."""

    n_steps = 0
    """Counted as one item of the queue, like any row."""

    def __init__(
        self, place: tuple[int, int, int], host: dict[str, Any], names: list[str], copy: DeviceCopy, layouts: Layouts
    ) -> None:
        self._place = place
        self._host = host
        self._names = names
        self._copy = copy
        self._layouts = layouts

    def resolve(self) -> Row:
        """Wait for the device and make the row; on the background thread."""
        for name, array in zip(self._names, self._copy.wait(), strict=True):
            if name.startswith(EXTRAS_PREFIX):
                self._host["extras"][name.removeprefix(EXTRAS_PREFIX)] = array
            else:
                self._host[name] = array if name in ARRAY_FIELDS else copy_scalar(array)
        kinds = {
            name: kind_of(self._host[name]) for name in ARRAY_FIELDS if isinstance(self._host.get(name), np.ndarray)
        }
        return row_of(self._place, self._host, self._layouts.of(kinds, Layout()))


class DeviceRows:
    """Brings values from devices; one ring of pinned memory a device."""

    def __init__(self) -> None:
        self._rings: dict[Any, CudaRing] = {}

    def row(self, place: tuple[int, int, int], owned: OwnedValues, layouts: Layouts) -> DeviceRow | None:
        """Queue the copies of what lies on a device; None when the ring is full."""
        copy = self.copy(list(owned.on_device.values()))
        return None if copy is None else DeviceRow(place, owned.host, list(owned.on_device), copy, layouts)

    def copy(self, tensors: list[Any]) -> DeviceCopy | None:
        """Queue one copy of tensors that lie on one device.

        Raises:
            UsageError: they lie on several devices, or on one that is not CUDA.
        """
        devices = {tensor.device for tensor in tensors}
        if len(devices) != 1:
            raise UsageError(f"the tensors of one call lie on several devices: {sorted(map(str, devices))}")
        (device,) = devices
        if device.type != "cuda":
            raise UsageError(
                f"tensors on {device} can't be recorded without stopping the trainer: pass them as CPU tensors"
            )
        ring = self._rings.get(device)
        if ring is None:
            ring = self._rings[device] = CudaRing(device)
        return ring.copy(tensors)
