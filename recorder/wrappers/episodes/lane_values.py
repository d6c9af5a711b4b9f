"""Values of all lanes, from one for each of them or one for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recorder.errors import UsageError
from recorder.values.arrays import as_array

__all__ = ["of_each_lane", "stage_of_each_lane"]


def of_each_lane(value: Any, n_lanes: int) -> Any:
    """A value of each lane; one number stands for all of them."""
    if getattr(value, "ndim", 0):
        return value
    try:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return np.asarray(value)
        return value.expand(n_lanes) if hasattr(value, "expand") else np.full(n_lanes, value)
    except Exception:  # noqa: BLE001 - whatever it is made of: record_batch says what is wrong with it
        return value


def stage_of_each_lane(stage: Any, n_lanes: int) -> list[Any]:
    """The stage of the curriculum of each lane.

    Raises:
        UsageError: there is neither one for each lane nor one for all.
    """
    stages = as_array(of_each_lane(stage, n_lanes))
    if stages.size != n_lanes:
        raise UsageError(f"stage: expected one of each lane, or one for all, found shape {stages.shape}")
    return stages.reshape(-1).tolist()
