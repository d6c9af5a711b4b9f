"""The trainer's side of ``record_batch``: arrays with a leading lane axis into the rows of a block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.capture.batch_block import BatchBlock, BatchKind
from recorder.capture.copying import as_array, is_cuda
from recorder.capture.cuda_ring import DeviceCopy
from recorder.capture.handover import BatchRow
from recorder.capture.rows import DeviceRows
from recorder.errors import UsageError

__all__ = ["BatchWriter", "DeviceBatchRow"]


class DeviceBatchRow:
    """A row of a block some of whose columns are still on their way from a device."""

    def __init__(self, row: BatchRow, names: list[str], copy: DeviceCopy) -> None:
        self._row = row
        self._names = names
        self._copy = copy

    @property
    def n_steps(self) -> int:
        """Steps in it: one a lane."""
        return self._row.n_steps

    def resolve(self) -> BatchRow:
        """Wait for the device and fill the row; on the background thread."""
        for name, array in zip(self._names, self._copy.wait(), strict=True):
            self._row.block.columns[name][self._row.row] = array
        return self._row


class BatchWriter:
    """Keeps the block that is being filled. One thread at a time.

    Args:
        device_rows: brings tensors from devices.
    """

    def __init__(self, device_rows: DeviceRows) -> None:
        self._device_rows = device_rows
        self._block: BatchBlock | None = None

    def write(
        self, episode_ids: Any, steps: Any, lanes: Any, values: Mapping[str, Any]
    ) -> BatchRow | DeviceBatchRow | None:
        """Copy one call into the next row; None when the ring of pinned memory is full.

        Raises:
            UsageError: an array's first axis is not the lanes, or it is not made of numbers.
        """
        ids = as_array(episode_ids)
        if ids.ndim != 1:
            raise UsageError(f"episode_ids: expected one id a lane, found shape {ids.shape}")
        n_lanes = len(ids)
        arrays: dict[str, NDArray[Any]] = {}
        on_device: dict[str, Any] = {}
        for name, value in values.items():
            if is_cuda(value):
                on_device[name] = value
            else:
                arrays[name] = as_array(value)
        for name, array in (*arrays.items(), *on_device.items()):
            if not array.ndim or len(array) != n_lanes:
                raise UsageError(
                    f"{name}: expected a leading axis of {n_lanes} lanes, found shape {tuple(array.shape)}"
                )
        copy = None
        if on_device:
            copy = self._device_rows.copy(list(on_device.values()))
            if copy is None:
                return None
        kind: BatchKind = {name: (array.dtype, array.shape) for name, array in arrays.items()}
        if copy is not None:
            kind.update(zip(on_device, copy.kinds, strict=True))
        block = self._block
        if (
            block is None
            or block.n_rows == block.max_rows
            or block.kind != kind
            or not _same_lanes(block, lanes, n_lanes)
        ):
            lane_ids = np.arange(n_lanes) if lanes is None else np.array(as_array(lanes), np.int64)
            block = self._block = BatchBlock(kind, lane_ids)
        row = BatchRow(block, block.write(ids, as_array(steps), arrays))
        return row if copy is None else DeviceBatchRow(row, list(on_device), copy)


def _same_lanes(block: BatchBlock, lanes: Any, n_lanes: int) -> bool:
    if len(block.lanes) != n_lanes:
        return False
    return bool(np.array_equal(block.lanes, np.arange(n_lanes) if lanes is None else as_array(lanes)))
