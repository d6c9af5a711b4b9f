"""Tensors on a CUDA device into the ring, without stopping the trainer.

The ring's memory is registered with the driver, so that the device copies straight into a record's place, on a separate
stream. The record is published when the copy's event is done. Where registering fails, one pinned buffer a call stands
between. ``.item()``, ``.cpu()`` and ``.tolist()`` never happen here.

Source: PyTorch tutorial "A guide on good usage of non_blocking and pin_memory()"; CUDA Runtime API, cudaHostRegister.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from recorder.black_box import Ring
from recorder.errors import UsageError
from recorder.schema import ALLOWED_DTYPES

__all__ = ["DeviceCopies", "device_dtype"]

_log = logging.getLogger(__name__)


class DeviceCopies:
    """One for each recorder; imports torch with the first tensor on a device."""

    def __init__(self) -> None:
        self._streams: dict[Any, Any] = {}
        self._ring_bytes: Any = None
        """The ring as a ``uint8`` tensor that the device can write into; None before the first copy."""
        self._is_registered = False

    def copy(self, ring: Ring, tensors: Mapping[int, Any]) -> Any:
        """Queue the copies of one call's tensors.

        Args:
            tensors: by place in the ring's memory, of one device.

        Returns:
            What says, by ``query()`` and ``synchronize()``, whether they have arrived.

        Raises:
            UsageError: they are on several devices.
        """
        import torch  # the trainer has it, or there would be no tensor on a device

        devices = {tensor.device for tensor in tensors.values()}
        if len(devices) != 1:
            raise UsageError(f"the tensors of one call are on several devices: {sorted(map(str, devices))}")
        (device,) = devices
        if self._ring_bytes is None:
            self._register(torch, ring)
        stream = self._streams.get(device)
        if stream is None:
            stream = self._streams[device] = torch.cuda.Stream(device)
        sources = {at: _recordable(torch, tensor) for at, tensor in tensors.items()}
        targets = {}
        stream.wait_stream(torch.cuda.current_stream(device))
        event = torch.cuda.Event()
        with torch.cuda.stream(stream):
            for at, source in sources.items():
                n_bytes = source.numel() * source.element_size()
                flat = source.reshape(-1).view(torch.uint8)
                if self._is_registered:
                    target = self._ring_bytes[at : at + n_bytes]
                else:
                    target = targets[at] = torch.empty(n_bytes, dtype=torch.uint8, pin_memory=True)
                target.copy_(flat, non_blocking=True)
                source.record_stream(stream)  # its memory is handed out again only when it has been read
            event.record(stream)
        return event if self._is_registered else _Landing(event, ring, targets)

    def _register(self, torch: Any, ring: Ring) -> None:
        self._ring_bytes = torch.frombuffer(ring.memory, dtype=torch.uint8)
        status = torch.cuda.cudart().cudaHostRegister(self._ring_bytes.data_ptr(), len(ring.memory), 0)
        self._is_registered = int(status) == 0
        if not self._is_registered:
            _log.warning(
                "the driver can't register the black box (cudaHostRegister: %s): tensors on a device are copied once more",
                status,
            )

    def forget(self) -> None:
        """Let go of the ring's memory."""
        if self._is_registered:
            import torch  # as above

            torch.cuda.cudart().cudaHostUnregister(self._ring_bytes.data_ptr())
        self._ring_bytes, self._is_registered = None, False
        self._streams.clear()


class _Landing:
    """Copies in pinned memory that go into the ring once they have arrived."""

    def __init__(self, event: Any, ring: Ring, targets: Mapping[int, Any]) -> None:
        self._event = event
        self._ring = ring
        self._targets = targets

    def query(self) -> bool:
        """Whether they have arrived; then they are in the ring."""
        if not self._event.query():
            return False
        self._land()
        return True

    def synchronize(self) -> None:
        """Wait until they have arrived, and put them into the ring."""
        self._event.synchronize()
        self._land()

    def _land(self) -> None:
        for at, target in self._targets.items():
            self._ring.memory[at : at + target.numel()] = target.numpy().tobytes()


def _recordable(torch: Any, tensor: Any) -> Any:
    """The tensor in one piece, in a dtype that numpy has; on its device."""
    plain = tensor.detach()
    if plain.dtype is torch.bfloat16:
        plain = plain.float()
    elif device_dtype(plain) != np.dtype(str(plain.dtype).removeprefix("torch.")):
        raise UsageError(f"a tensor of dtype {plain.dtype} can't be recorded")
    return plain.contiguous()


def device_dtype(tensor: Any) -> np.dtype[Any]:
    """The dtype in which a tensor on a device is recorded.

    Raises:
        UsageError: numpy has none.
    """
    name = str(tensor.dtype).removeprefix("torch.")
    if name == "bfloat16":
        name = "float32"
    try:
        dtype = np.dtype(name)
    except TypeError:
        dtype = np.dtype(np.void)
    if dtype.str not in ALLOWED_DTYPES:
        raise UsageError(f"a tensor of dtype {name} can't be recorded: convert it to a float, integer or bool dtype")
    return dtype
