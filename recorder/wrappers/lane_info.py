"""One lane's part of what a vector environment tells of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["lane_info"]


def lane_info(infos: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The ``info`` of one lane, as its own environment returned it.

    In a vector environment's infos each key has an array with a place a lane, or a map of such, and beside it a mask under
    ``_key`` that says which lanes told it; without a mask all did.

    Source: Gymnasium, ``VectorEnv._add_info``.
    """
    told = {}
    for key, values in infos.items():
        if isinstance(key, str) and key.startswith("_") and key[1:] in infos:
            continue
        mask = infos.get(f"_{key}")
        if mask is not None and not mask[place]:
            continue
        if isinstance(values, Mapping):
            told[key] = lane_info(values, place)
        elif isinstance(values, np.ndarray) and values.ndim:
            told[key] = values[place]
    return told
