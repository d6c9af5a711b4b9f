"""The episodes of many lanes, side by side: their ids, how far they are, and what ends with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from recorder.capture.values import NO_STEP, as_array
from recorder.errors import UsageError
from recorder.wrappers.hooks import Hooks
from recorder.wrappers.plan import ASPATIAL, OpenEpisode, Plan, reset_numbers, sorted_values

__all__ = ["LaneRecorder"]

_BATCH_NAMES = {"position": "positions", "intrinsic_reward": "intrinsic_rewards"}
"""Fields that ``record_batch`` calls otherwise than ``record_step``."""


class LaneRecorder:
    """Records calls that step all lanes at once; which of them begin and end an episode is for the caller to say.

    Args:
        plan: what is recorded, and by whom.
        hooks: the user's functions.
        n_lanes: how many.
        first_lane: index of the first one in the run.

    Raises:
        UsageError: ``first_lane`` is negative.
    """

    def __init__(self, plan: Plan, hooks: Hooks, *, n_lanes: int, first_lane: int) -> None:
        if first_lane < 0:
            raise UsageError(f"first_lane: expected 0 or more, found {first_lane}")
        self._plan = plan
        self._hooks = hooks
        self._lanes = np.arange(first_lane, first_lane + n_lanes)
        self._episodes: list[OpenEpisode | None] = [None] * n_lanes
        self.is_open = np.zeros(n_lanes, bool)
        """Lanes whose next step belongs to an episode."""
        self._episode_ids = np.full(n_lanes, NO_STEP)
        self._n_steps = np.zeros(n_lanes, np.int64)
        self._stages: list[Any] | None = None
        nothing = np.zeros((n_lanes, 0), np.float32)
        self._nothing = {"positions": nothing, "meters": nothing, "actions": nothing}
        """The fields that each step has, for environments that have none of them."""
        self._n_calls = 0
        self._has_position = np.zeros(n_lanes, bool)

    def begin(self, place: int, seed: int | None, reset_values: Mapping[str, Any]) -> None:
        """A lane has been reset: an episode begins with its next step.

        Args:
            place: of the lane, from 0.
            seed: that it was reset with; None when nobody knows.
            reset_values: the observation that ``reset`` returned, by name.
        """
        self._episodes[place] = OpenEpisode(seed, self._hooks.attempt(reset_numbers, {}, reset_values))
        self._n_steps[place] = 0
        self._has_position[place] = False
        self.is_open[place] = True

    def record(self, fields: Mapping[str, Any], extras: Mapping[str, Any], added: Mapping[str, Any]) -> None:
        """Record the step of every open lane.

        Args:
            fields: arguments of ``record_batch``; those that are None are left out.
            extras: what stands among the extras.
            added: by the trainer, named as ``extras`` of the wrappers names it: with a leading axis of lanes, or one number for
                all of them.
        """
        recorder = self._plan.recorder
        if recorder is None:
            return
        given = sorted_values(added)
        if given.stage is not None:
            self._stages = self._hooks.attempt(self._stage_of_each_lane, self._stages, given.stage)
        self._n_calls += 1
        if not self.is_open.any():
            return
        self._has_position |= "position" in given.fields
        beginning = np.flatnonzero(self.is_open & (self._n_steps == 0)).tolist()
        for place in beginning:
            self._episode_ids[place] = self._plan.next_episode_id()
        told = {_BATCH_NAMES.get(name, name): self._of_each_lane(value) for name, value in given.fields.items()}
        recorder.record_batch(
            self._episode_ids,
            self._n_steps,
            lanes=self._lanes,
            extras={**extras, **{name: self._of_each_lane(value) for name, value in given.extras.items()}},
            **{
                **self._nothing,
                **{name: value for name, value in {**fields, **told}.items() if value is not None},
            },
        )
        for place in beginning:
            if self._hooks.keeps_episode(episode_id := int(self._episode_ids[place])):
                recorder.keep(episode_id, "episode_trigger")
        self._n_steps[self.is_open] += 1
        if self._hooks.keeps_step(self._n_calls):
            for episode_id in self._episode_ids[self.is_open].tolist():
                recorder.keep(episode_id, "step_trigger")

    def end(
        self, place: int, status: str, *, env: Any, info: Mapping[str, Any], told: Mapping[str, Any] | None = None
    ) -> None:
        """The episode of a lane is over; one without a step is none.

        Args:
            status: ``complete`` or ``truncated``.
            env, info: for ``episode_fn``.
            told: metadata that the environment gives.
        """
        self.is_open[place] = False
        episode, self._episodes[place] = self._episodes[place], None
        episode_id, self._episode_ids[place] = int(self._episode_ids[place]), NO_STEP
        if episode is None or episode_id == NO_STEP or self._plan.recorder is None:
            return
        added = {
            **({} if self._has_position[place] else {"substrate": ASPATIAL}),
            **(told or {}),
            **self._hooks.episode_metadata(env=env, info=info, episode_id=episode_id, lane=int(self._lanes[place])),
        }
        stage = None if self._stages is None else self._stages[place]
        self._plan.recorder.finish_episode(
            episode_id, episode.metadata(self._plan, stage=stage, status=status, added=added)
        )

    def _of_each_lane(self, value: Any) -> Any:
        """A value of each lane; one number stands for all of them."""
        if getattr(value, "ndim", 0):
            return value
        try:
            if isinstance(value, Sequence) and not isinstance(value, str):
                return np.asarray(value)
            n_lanes = len(self._lanes)
            return value.expand(n_lanes) if hasattr(value, "expand") else np.full(n_lanes, value)
        except Exception:  # noqa: BLE001 - whatever it is made of: record_batch says what is wrong with it
            return value

    def _stage_of_each_lane(self, stage: Any) -> list[Any]:
        stages = as_array(self._of_each_lane(stage))
        if stages.size != len(self._lanes):
            raise UsageError(f"stage: expected one of each lane, or one for all, found shape {stages.shape}")
        return stages.reshape(-1).tolist()
