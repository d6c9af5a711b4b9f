"""What vector environments that take actions and give results apart have in common: ``send``, then ``recv``.

Envpool and PufferLib step some lanes at a time. Their classes can't be derived from, so what wraps them passes all else on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recorder.values.arrays import as_array
from recorder.wrappers.episodes.lane_steps import LaneSteps, named_leaves

__all__ = ["Exchange", "Passing"]


class Passing:
    """Passes on whatever a wrapper does not do itself."""

    def __init__(self, env: Any) -> None:
        self._env = env

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_env" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._env, name)


class Exchange:
    """Brings actions and results of lanes together.

    Args:
        steps: records them.
        resets_in_next_step: whether the call after an episode's end resets the lane; else the last call did, and its observation
            is the first of the next episode.
    """

    def __init__(self, steps: LaneSteps, *, resets_in_next_step: bool) -> None:
        self._steps = steps
        self._resets_in_next_step = resets_in_next_step
        self._actions: dict[int, Any] = {}
        """By lane, what was sent last."""
        self._lanes: Sequence[int] = ()
        """That the next actions are for."""

    def reset(self) -> None:
        """All lanes are being reset; open episodes end as ``truncated``."""
        self._actions.clear()

    def sent(self, actions: Any, lanes: Any = None) -> None:
        """Actions go to lanes; by default to those of the last results."""
        if self._steps.recorder is None:
            return
        lanes = self._lanes if lanes is None else lanes
        try:
            rows = own_rows(actions)
            for index, lane in enumerate(lanes):
                self._actions[int(lane)] = {name: value[index] for name, value in rows.items()}
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._steps.recorder.note_failure(error, n_steps=len(lanes))

    def received(
        self, lanes: Any, observation: Any, reward: Any, terminated: Any, truncated: Any, mask: Any = None
    ) -> None:
        """Results of lanes.

        Args:
            mask: ``bool[n_lanes]``: those that count.
        """
        recorder = self._steps.recorder
        if recorder is None:
            return
        try:
            self._lanes = np.asarray(lanes).reshape(-1).tolist()
            counts = np.ones(len(self._lanes), bool) if mask is None else np.asarray(mask, bool).reshape(-1)
            self._receive(named_leaves("observation", observation), reward, terminated, truncated, counts)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            recorder.note_failure(error, n_steps=len(self._lanes))

    def _receive(self, observed: dict[str, Any], reward: Any, terminated: Any, truncated: Any, counts: Any) -> None:
        observed = {name: as_array(value) for name, value in observed.items()}
        flags = {"terminated": np.asarray(terminated, bool), "truncated": np.asarray(truncated, bool)}
        is_over = flags["terminated"] | flags["truncated"]
        stepped = [
            index
            for index, lane in enumerate(self._lanes)
            if counts[index] and lane in self._actions and self._steps.is_open(lane)
        ]
        others = [index for index in range(len(self._lanes)) if counts[index] and index not in set(stepped)]
        # Where a lane has been reset since, its observation is none that the action led to.
        whole = [index for index in stepped if self._resets_in_next_step or not is_over[index]]
        for part in (whole, [index for index in stepped if index not in set(whole)]):
            if not part:
                continue
            actions = [self._actions[self._lanes[index]] for index in part]
            named = {name: np.stack([action[name] for action in actions]) for name in actions[0]}
            seen = {name: value[part] for name, value in observed.items()} if part is whole else {}
            self._steps.record(
                [self._lanes[index] for index in part],
                action=named.pop("action", None),
                reward=np.asarray(reward)[part],
                terminated=flags["terminated"][part],
                truncated=flags["truncated"][part],
                observed=seen,
                extras=named,
            )
        begun = others + ([] if self._resets_in_next_step else [index for index in stepped if is_over[index]])
        for index in begun:
            self._steps.begin(self._lanes[index], {name: value[index] for name, value in observed.items()})


def own_rows(actions: Any) -> dict[str, Any]:
    """Copies of a batch of actions, by name: a trainer may write the next ones there."""
    return {name: np.array(as_array(value)) for name, value in named_leaves("action", actions).items()}
