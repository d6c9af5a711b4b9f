"""The bytes of a torch tensor on the host, in a third of the time that its ``numpy()`` takes; without importing torch.

``numpy()`` makes an array object; here the tensor's memory is read by its address. That is safe while the tensor is held, for
tensors of torch's own classes whose memory holds their numbers in order: those are the checks of ``reading_lines``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

__all__ = ["at_address", "has_plain_memory", "reading_lines"]


def at_address(n_bytes: int) -> Callable[[int], Any]:
    """Makes a buffer of what lies at an address."""
    return (ctypes.c_char * n_bytes).from_address


def has_plain_memory(cls: type[Any]) -> bool:
    """Whether tensors of a class have memory of their own; those of a subclass may be made up of others."""
    return cls.__module__ in ("torch", "torch.nn.parameter") and cls.__name__ in ("Tensor", "Parameter")


def reading_lines(variable: str, prefix: str) -> list[str]:
    """Lines that read a tensor, whose class, dtype, device and shape are known, into ``{prefix}``, as bytes or as a buffer.

    Sparse, batched and other tensors without memory raise, or have the address 0; one that is no plain row of numbers goes
    through ``as_array``. They need ``{prefix}_at``, which is ``at_address(n_bytes)``, and ``as_array``.
    """
    return [
        f"if {variable}.is_contiguous() and not {variable}.is_neg():",
        f" {prefix} = {variable}.data_ptr()",
        f" if not {prefix}: return False",
        f" {prefix} = {prefix}_at({prefix})",
        "else:",
        f" {prefix} = as_array({variable})",
    ]
