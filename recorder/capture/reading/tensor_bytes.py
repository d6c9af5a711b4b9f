"""The numbers of a torch tensor on the host as bytes, in a fourth of the time that its ``numpy()`` takes; without torch.

``numpy()`` makes an array object; here the memory is read at the tensor's address. That is safe while the tensor is held, if it
is of torch's own classes and its memory holds its numbers in order: ``reading_lines`` has the checks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

__all__ = ["at_address", "has_plain_memory", "reading_lines"]


def at_address(n_bytes: int) -> Callable[[int], Any]:
    """Makes a buffer of the bytes at an address."""
    return (ctypes.c_char * n_bytes).from_address


def has_plain_memory(cls: type[Any]) -> bool:
    """Whether tensors of a class own their memory; one of a subclass may be made up of others."""
    return cls.__name__ in ("Tensor", "Parameter") and cls.__module__ in ("torch", "torch.nn.parameter")


def reading_lines(variable: str, target: str, *, at_address: str, is_float: bool, is_packed: bool) -> list[str]:
    """Source that reads a tensor whose class, dtype, device and shape have been compared.

    A sparse, batched or other tensor without memory raises, or its address is 0; one whose numbers are not in a row, or are
    to be negated, goes through ``as_array``.

    Args:
        variable: name of the tensor.
        target: name for its bytes.
        at_address: name of what ``at_address(n_bytes)`` made.
        is_float: of its dtype: the imaginary part of a conjugate, whose memory is to be negated, always is.
        is_packed: bytes, for ``pack_into``; a buffer else, and the variable ``{target}_at`` has its address, or None: compare it
            again before you read the buffer.
    """
    return [
        f"if {variable}.is_contiguous(){f' and not {variable}.is_neg()' if is_float else ''}:",
        f" {target} = {variable}.data_ptr()",
        f" if not {target}: return False",
        *([] if is_packed else [f" {target}_at = {target}"]),
        f" {target} = {at_address}({target}){'.raw' if is_packed else ''}",
        "else:",
        *([] if is_packed else [f" {target}_at = None"]),
        f" {target} = as_array({variable}).tobytes()",
    ]
