"""Making a step's row when the quick way of ``record_step`` does not fit: a new kind of array, or values on a
device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recorder.capture.builder import ROW_FIELDS, Row
from recorder.capture.copying import (
    ARRAY_FIELDS,
    Layout,
    as_array,
    copy_array,
    copy_extras,
    copy_scalar,
    is_cuda,
    kind_of,
)
from recorder.capture.cuda_ring import CudaRing, DeviceCopy
from recorder.errors import UsageError

__all__ = ["DeviceRow", "DeviceRows", "Layouts", "row_of"]

_VALUE_FIELDS = ROW_FIELDS[4:]


class Layouts:
    """The layouts seen so far, each one once, so that rows of the same kind point to the same object."""

    def __init__(self) -> None:
        self._known: dict[Layout, Layout] = {}

    def of(self, values: Mapping[str, Any], before: Layout) -> Layout:
        """The layout of these values; fields that are no arrays keep their kind."""
        kinds = {}
        for field in ARRAY_FIELDS:
            value = values.get(field)
            if value is not None and not isinstance(value, int | float | tuple | list):
                kinds[field] = kind_of(value)
        layout = before._replace(**kinds)
        return self._known.setdefault(layout, layout)


def row_of(episode_id: int, step: int, lane: int, values: Mapping[str, Any], layout: Layout) -> Row:
    """A row of host values.

    Raises:
        UsageError: a value is not made of numbers.
    """
    fields: list[Any] = [episode_id, step, lane, layout]
    for name in _VALUE_FIELDS:
        value = values.get(name)
        if name in ARRAY_FIELDS:
            fields.append(copy_array(value, getattr(layout, name)))
        elif name == "extras":
            fields.append(copy_extras(value) if value else None)
        else:
            fields.append(copy_scalar(value))
    return tuple(fields)


class DeviceRow:
    """A step some of whose values are still on their way from a device."""

    n_steps = 0
    """Counted as one item of the queue, like any row."""

    def __init__(
        self, place: tuple[int, int, int], values: dict[str, Any], names: list[str], copy: DeviceCopy, layouts: Layouts
    ) -> None:
        self._place = place
        self._values = values
        self._names = names
        self._copy = copy
        self._layouts = layouts

    def resolve(self) -> Row:
        """Wait for the device and make the row; on the background thread."""
        for name, array in zip(self._names, self._copy.wait(), strict=True):
            field, _, extra = name.partition(".")
            if extra:
                self._values["extras"][extra] = array
            else:
                self._values[field] = array
        return row_of(*self._place, self._values, self._layouts.of(self._values, Layout()))


class DeviceRows:
    """Rows with values on a device; one ring of pinned memory a device."""

    def __init__(self) -> None:
        self._rings: dict[Any, CudaRing] = {}

    def row(self, place: tuple[int, int, int], values: Mapping[str, Any], layouts: Layouts) -> DeviceRow | None:
        """Queue the copies and copy what lies in host memory; None when the ring is full."""
        extras = {f"extras.{name}": value for name, value in (values.get("extras") or {}).items()}
        flat = {**{name: value for name, value in values.items() if name != "extras"}, **extras}
        names = [name for name, value in flat.items() if is_cuda(value)]
        copy = self.copy([flat[name] for name in names])
        if copy is None:
            return None
        host: dict[str, Any] = {"extras": {}}
        for name, value in flat.items():
            if name in names or value is None:
                continue
            owned = value if isinstance(value, int | float | tuple) else np.array(as_array(value))
            if name.startswith("extras."):
                host["extras"][name.removeprefix("extras.")] = owned
            else:
                host[name] = owned
        return DeviceRow(place, host, names, copy, layouts)

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
