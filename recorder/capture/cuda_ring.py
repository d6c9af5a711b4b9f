"""Bringing tensors from a CUDA device without stopping the trainer: one packed copy a call, into pinned memory, on a
stream of its own.

The trainer's thread only queues work on the device. The background thread waits for the copy's event, reads the pinned
bytes, and gives the slot back. ``.item()``, ``.cpu()`` and ``.tolist()`` never happen on the trainer's thread.

Source: PyTorch tutorial "A guide on good usage of non_blocking and pin_memory()".
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError

__all__ = ["CudaRing", "DeviceCopy"]

_N_SLOTS = 256
"""Calls under way: at a thousand calls a second, a quarter of a second of a late background thread."""


class DeviceCopy:
    """Tensors of one call on their way to pinned memory.

    Args:
        ring: takes the slot back.
        slot: pinned ``uint8`` tensor.
        event: recorded behind the copy.
        kinds: dtype and shape of each tensor, in the order in which they lie in the slot.
    """

    def __init__(
        self, ring: CudaRing, slot: Any, event: Any, kinds: Sequence[tuple[np.dtype[Any], tuple[int, ...]]]
    ) -> None:
        self._ring = ring
        self._slot = slot
        self._event = event
        self.kinds = kinds

    def wait(self) -> list[NDArray[Any]]:
        """The tensors as arrays of our own; blocks until the device is done. Call once, on the background thread."""
        self._event.synchronize()
        raw = self._slot.numpy()
        arrays = []
        offset = 0
        for dtype, shape in self.kinds:
            n_bytes = dtype.itemsize * int(np.prod(shape))
            arrays.append(np.frombuffer(raw[offset : offset + n_bytes].tobytes(), dtype).reshape(shape))
            offset += n_bytes
        self._ring.give_back(self._slot)
        return arrays


class CudaRing:
    """Pinned slots for one device; made when the first tensor of that device arrives.

    Args:
        device: a ``torch.device``.
    """

    def __init__(self, device: Any) -> None:
        import torch  # the trainer has it, or there would be no tensor on a device

        self._torch = torch
        self._stream = torch.cuda.Stream(device)
        self._device = device
        self._free: deque[Any] = deque()
        self._n_slots = 0
        self._slot_bytes = 0
        self._lock = threading.Lock()

    def copy(self, tensors: Sequence[Any]) -> DeviceCopy | None:
        """Queue one copy of all tensors; None when every slot is under way.

        Raises:
            UsageError: a tensor's dtype can't be recorded.
        """
        torch = self._torch
        plain = [tensor.detach() for tensor in tensors]
        plain = [tensor.float() if tensor.dtype is torch.bfloat16 else tensor for tensor in plain]
        kinds = [(_numpy_dtype(tensor), tuple(tensor.shape)) for tensor in plain]
        packed = torch.cat([tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in plain])
        slot = self._take(packed.numel())
        if slot is None:
            return None
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        event = torch.cuda.Event()
        with torch.cuda.stream(self._stream):
            slot[: packed.numel()].copy_(packed, non_blocking=True)
            event.record(self._stream)
        # The allocator may hand this memory out again only when the side stream has read it.
        packed.record_stream(self._stream)
        return DeviceCopy(self, slot, event, kinds)

    def give_back(self, slot: Any) -> None:
        """The background thread has read a slot."""
        with self._lock:
            if slot.numel() == self._slot_bytes:
                self._free.append(slot)
            else:
                self._n_slots -= 1

    def _take(self, n_bytes: int) -> Any:
        with self._lock:
            if n_bytes > self._slot_bytes:
                # Slots of the old size are let go as they come back.
                self._slot_bytes = n_bytes
                self._n_slots -= len(self._free)
                self._free.clear()
            if self._free:
                return self._free.popleft()
            if self._n_slots >= _N_SLOTS:
                return None
            self._n_slots += 1
            return self._torch.empty(self._slot_bytes, dtype=self._torch.uint8, pin_memory=True)


def _numpy_dtype(tensor: Any) -> np.dtype[Any]:
    name = str(tensor.dtype).removeprefix("torch.")
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = np.dtype(np.void)
    if dtype.kind not in "biuf":
        raise UsageError(f"a tensor of dtype {name} can't be recorded: convert it to a float, integer or bool dtype")
    return dtype
