"""The episodes of many lanes, side by side: their ids, how far they are, and what ends with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.capture.values import NO_STEP, as_array
from recorder.errors import UsageError
from recorder.wrappers.autoseed import Beginning
from recorder.wrappers.hooks import Hooks
from recorder.wrappers.plan import OpenEpisode, Plan, reset_numbers, reset_numbers_of_lanes, sorted_values

__all__ = ["LaneRecorder"]

_BATCH_NAMES = {"position": "positions", "intrinsic_reward": "intrinsic_rewards"}
"""Fields that ``record_batch`` calls otherwise than ``record_step``."""

_BOOL = np.dtype(np.bool_)


class LaneRecorder:
    """Records calls that step all lanes at once; which of them begin and end an episode is for the caller to say.

    A lane is closed while its next step belongs to no episode.

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
        self._n_lanes = n_lanes
        self._shape = (n_lanes,)
        self._first_lane = first_lane
        # The recorder counts lanes from 0 by itself.
        self._lanes = None if first_lane == 0 else np.arange(first_lane, first_lane + n_lanes)
        self._episodes: list[OpenEpisode | None] = [None] * n_lanes
        self._closed = set(range(n_lanes))
        self._beginning: list[int] = []
        """Open lanes whose next step is the first of an episode."""
        self._episode_ids = np.full(n_lanes, NO_STEP)
        self._n_steps = np.zeros(n_lanes, np.int64)
        self._ones = np.ones(n_lanes, np.int64)
        self._stages: list[Any] | None = None
        self._nothing = np.zeros((n_lanes, 0), np.float32)
        """The fields that each step has, for environments that have none of them."""
        self._n_calls = 0
        self._has_position = [False] * n_lanes

    @property
    def n_open(self) -> int:
        """Lanes whose next step belongs to an episode."""
        return self._n_lanes - len(self._closed)

    @property
    def closed(self) -> list[int]:
        """The places of the others, ascending."""
        return sorted(self._closed) if self._closed else []

    def open_among(self, places: Sequence[int]) -> list[int]:
        """Those of some places whose lanes are open."""
        closed = self._closed
        return [place for place in places if place not in closed]

    def flags(self, values: Any) -> NDArray[np.bool_]:
        """``bool[n_lanes]``, whatever numbers they come as."""
        if values.__class__ is np.ndarray and values.dtype is _BOOL and values.shape == self._shape:
            return values
        return np.asarray(values, bool).reshape(self._n_lanes)

    def either(self, terminated: Any, truncated: Any) -> NDArray[np.bool_]:
        """``bool[n_lanes]``: where one of two flags is true. It may be one of the two arrays: in most calls one is empty."""
        first, second = self.flags(terminated), self.flags(truncated)
        # Searching bytes takes a tenth of the time of numpy's search.
        if 1 not in second.tobytes():
            return first
        return first | second if 1 in first.tobytes() else second

    def ended(self, dones: NDArray[np.bool_]) -> list[int]:
        """The places of open lanes whose episode is over, ascending; as ``flags`` gives them."""
        flags = dones.tobytes()
        place = flags.find(1)
        found: list[int] = []
        while place >= 0:
            if place not in self._closed:
                found.append(place)
            place = flags.find(1, place + 1)
        return found

    def begin(self, place: int, beginning: Beginning, reset_values: Mapping[str, Any]) -> None:
        """A lane has been reset: an episode begins with its next step.

        Args:
            place: of the lane, from 0.
            beginning: what it was reset with.
            reset_values: the observation that ``reset`` returned, by name.
        """
        self._begin(place, beginning, self._hooks.attempt(reset_numbers, {}, reset_values) if reset_values else {})

    def begin_all(self, places: Sequence[int], beginnings: Sequence[Beginning], values: Mapping[str, Any]) -> None:
        """The same for some lanes.

        Args:
            beginnings: of each of them.
            values: the observations that ``reset`` returned, by name, with a leading axis of all lanes.
        """
        numbers = self._hooks.attempt(reset_numbers_of_lanes, None, values, places) or [{}] * len(places)
        for place, beginning, own in zip(places, beginnings, numbers, strict=True):
            self._begin(place, beginning, own)

    def _begin(self, place: int, beginning: Beginning, numbers: Mapping[str, Any]) -> None:
        self._episodes[place] = OpenEpisode(beginning, numbers)
        self._n_steps[place] = 0
        self._has_position[place] = False
        self._closed.discard(place)
        if place not in self._beginning:
            self._beginning.append(place)

    def record(
        self,
        actions: Any,
        rewards: Any,
        dones: NDArray[np.bool_],
        terminated: Any,
        truncated: Any,
        extras: dict[str, Any],
        fields: dict[str, Any],
        added: Mapping[str, Any],
    ) -> None:
        """Record the step of every open lane.

        Args:
            actions: None where they stand among the extras.
            extras: what stands among the extras.
            fields: further arguments of ``record_batch``.
            added: by the trainer, named as ``extras`` of the wrappers names it: with a leading axis of lanes, or one number for
                all of them.
        """
        recorder = self._plan.recorder
        if recorder is None:
            return
        if added:
            fields, extras = self._with_added(fields, extras, added)
        self._n_calls += 1
        if len(self._closed) == self._n_lanes:
            return
        beginning: list[int] = []
        if self._beginning:
            beginning, self._beginning = sorted(self._beginning), []
            for place in beginning:
                self._episode_ids[place] = self._plan.next_episode_id()
        nothing = self._nothing
        positions = meters = nothing
        if fields:
            positions, meters = fields.pop("positions", nothing), fields.pop("meters", nothing)
        recorder.record_batch(
            self._episode_ids,
            self._n_steps,
            positions,
            meters,
            nothing if actions is None else actions,
            rewards,
            fields.get("intrinsic_rewards"),
            dones,
            fields.get("q_values"),
            fields.get("time_of_day"),
            fields.get("interaction_progress"),
            terminated=terminated,
            truncated=truncated,
            epsilon=fields.get("epsilon"),
            action_masks=fields.get("action_masks"),
            extras=extras,
            lanes=self._lanes,
        )
        np.add(self._n_steps, self._ones, self._n_steps)  # closed lanes are counted anew when they begin
        if self._hooks.has_triggers:
            self._keep_as_told(beginning)

    def end(
        self, place: int, status: str, *, env: Any, info: Mapping[str, Any], told: Mapping[str, Any] | None = None
    ) -> None:
        """The episode of a lane is over; one without a step is none.

        Args:
            status: ``complete`` or ``truncated``.
            env, info: for ``episode_fn``.
            told: metadata that the environment gives.
        """
        self._closed.add(place)
        episode, self._episodes[place] = self._episodes[place], None
        if place in self._beginning:
            self._beginning.remove(place)
            return
        if episode is None or self._plan.recorder is None:
            return
        episode_id, self._episode_ids[place] = int(self._episode_ids[place]), NO_STEP
        hooks, added = self._hooks, told or {}
        if hooks.has_episode_fn:
            lane = self._first_lane + place
            added = {**added, **hooks.episode_metadata(env=env, info=info, episode_id=episode_id, lane=lane)}
        stage = None if self._stages is None else self._stages[place]
        metadata = episode.metadata(
            self._plan, stage=stage, status=status, has_position=self._has_position[place], added=added
        )
        self._plan.recorder.finish_episode(episode_id, metadata)

    def _with_added(
        self, fields: Mapping[str, Any], extras: Mapping[str, Any], added: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fields and extras with what the trainer adds, which outweighs them."""
        given = sorted_values(added)
        if given.stage is not None:
            self._stages = self._hooks.attempt(self._stage_of_each_lane, self._stages, given.stage)
        if "position" in given.fields:
            for place in self.open_among(range(self._n_lanes)):
                self._has_position[place] = True
        own = {_BATCH_NAMES.get(name, name): self._of_each_lane(value) for name, value in given.fields.items()}
        own_extras = {name: self._of_each_lane(value) for name, value in given.extras.items()}
        kept = {name: value for name, value in fields.items() if name not in added}  # None is no value
        return {**kept, **own}, {**extras, **own_extras}

    def _keep_as_told(self, beginning: Sequence[int]) -> None:
        recorder = self._plan.recorder
        assert recorder is not None
        for place in beginning:
            if self._hooks.keeps_episode(episode_id := int(self._episode_ids[place])):
                recorder.keep(episode_id, "episode_trigger")
        if self._hooks.keeps_step(self._n_calls):
            for place in self.open_among(range(self._n_lanes)):
                recorder.keep(int(self._episode_ids[place]), "step_trigger")

    def _of_each_lane(self, value: Any) -> Any:
        """A value of each lane; one number stands for all of them."""
        if getattr(value, "ndim", 0):
            return value
        try:
            if isinstance(value, Sequence) and not isinstance(value, str):
                return np.asarray(value)
            return value.expand(self._n_lanes) if hasattr(value, "expand") else np.full(self._n_lanes, value)
        except Exception:  # noqa: BLE001 - whatever it is made of: record_batch says what is wrong with it
            return value

    def _stage_of_each_lane(self, stage: Any) -> list[Any]:
        stages = as_array(self._of_each_lane(stage))
        if stages.size != self._n_lanes:
            raise UsageError(f"stage: expected one of each lane, or one for all, found shape {stages.shape}")
        return stages.reshape(-1).tolist()
