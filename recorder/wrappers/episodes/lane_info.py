"""What a vector environment tells of all lanes, and one lane's part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recorder.wrappers.environment.gymnasium_versions import FINAL_OBSERVATION_KEYS
from recorder.wrappers.environment.parts import own_copy
from recorder.wrappers.episodes.plan import ACTION_MASK

__all__ = ["LanesTold", "final_observations", "lane_info"]


class LanesTold:
    """What a vector environment told last."""

    def __init__(self) -> None:
        self.infos: Mapping[str, Any] = {}
        self.masks: Any = None
        """The actions that it allows next; a copy, because the next step may write there."""

    def remember(self, infos: Mapping[str, Any]) -> None:
        """Keep the infos of a step; lanes that told no masks keep those from before."""
        before, self.infos, self.masks = self.masks, {}, None
        masks, told = infos.get(ACTION_MASK), infos.get(f"_{ACTION_MASK}")
        self.infos = infos
        if masks is None or isinstance(masks, tuple):  # those of a composite space, which no field takes
            return
        if told is None or np.all(told):
            self.masks = own_copy(masks if masks.dtype != np.object_ else np.stack(list(masks)))
        elif before is not None:
            if masks.dtype == np.object_:  # before Gymnasium 1.0, a lane that told nothing has None
                masks = np.stack([own if own is not None else mask for own, mask in zip(masks, before, strict=True)])
            self.masks = np.where(told.reshape(-1, *[1] * (masks.ndim - 1)), masks, before)


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


def final_observations(infos: Mapping[str, Any], ended: Sequence[int]) -> dict[int, Any]:
    """The last observations of lanes that have been reset since."""
    if not ended:
        return {}
    final = next(infos[key] for key in FINAL_OBSERVATION_KEYS if key in infos)
    return {place: final[place] for place in ended}
