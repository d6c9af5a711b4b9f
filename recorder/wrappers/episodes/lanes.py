"""The episodes of many lanes, side by side: their ids, how far they are, and what ends with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from recorder.schema import NO_STEP
from recorder.wrappers.environment.autoseed import Beginning
from recorder.wrappers.environment.hooks import Hooks
from recorder.wrappers.episodes.given import sorted_values
from recorder.wrappers.episodes.lane_values import of_each_lane, stage_of_each_lane
from recorder.wrappers.episodes.open_episode import note_resets
from recorder.wrappers.episodes.plain_ends import PLAIN, PlainEnds
from recorder.wrappers.episodes.plan import Plan

__all__ = ["LaneRecorder"]

_BATCH_NAMES = {"position": "positions", "intrinsic_reward": "intrinsic_rewards"}
"""Fields that ``record_batch`` calls otherwise than ``record_step``."""

_BOOL = np.dtype(np.bool_)

_NOTHING: Mapping[str, Any] = {}


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
        self._recorder = plan.recorder
        self._hooks = hooks
        self._n_lanes = n_lanes
        self._shape = (n_lanes,)
        self._first_lane = first_lane
        self.closed = set(range(n_lanes))
        """Places of the closed lanes."""
        self._plain = PlainEnds(plan.facts, plan.recorder, n_lanes=n_lanes)
        self._infos: list[dict[str, Any] | None] = [None] * n_lanes
        """Of each lane, the ``info`` of its open episode, or ``PLAIN``."""
        self._beginning: set[int] = set()
        """Open lanes whose next step is the first of an episode."""
        self._with_position: set[int] = set()
        """Lanes whose open episode has positions."""
        self._stages: list[Any] | None = None
        self._n_calls = 0
        # Arrays that come with each call are views: the recorder looks at a view once.
        # The recorder counts lanes from 0 by itself.
        self._lanes = None if first_lane == 0 else np.arange(first_lane, first_lane + n_lanes)[:]
        self._episode_ids = np.full(n_lanes, NO_STEP)[:]
        self._n_steps = np.zeros(n_lanes, np.int64)[:]
        self._counts = self._n_steps.data
        self._ids = self._episode_ids.data
        self._places = range(n_lanes)
        self._nothing = np.zeros((n_lanes, 0), np.float32)[:]
        """The fields that each step has, for environments that have none of them."""
        self._plain_blocks = (
            None
            if plan.recorder is None
            else plan.recorder.plain_blocks(
                episode_ids=self._episode_ids, steps=self._n_steps, lanes=self._lanes, nothing=self._nothing
            )
        )
        self.none = np.zeros(n_lanes, np.bool_)
        """A flag that no lane has; not to be written to."""
        self.none.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy has no open episodes."""
        return _fresh_lanes, (self._plan, self._hooks, self._n_lanes, self._first_lane)

    def open_among(self, places: Iterable[int]) -> list[int]:
        """Those of some places whose lanes are open."""
        return [place for place in places if place not in self.closed]

    def over(self, first: Any, second: Any = None) -> tuple[NDArray[np.bool_], Sequence[int]]:
        """Where episodes are over, by one flag or by either of two.

        Args:
            first, second: one number a lane.

        Returns:
            ``bool[n_lanes]``, which may be one of the two arrays, and the places of open lanes whose episode is over, ascending.
        """
        over = first if first.__class__ is np.ndarray and first.dtype is _BOOL else np.asarray(first, bool)
        if over.shape != self._shape:
            over = over.reshape(self._shape)
        flags = over.tobytes()  # searching bytes takes a tenth of the time of numpy's search
        if second is not None:
            other = second if second.__class__ is np.ndarray and second.dtype is _BOOL else np.asarray(second, bool)
            if other.shape != self._shape:
                other = other.reshape(self._shape)
            if 1 in (its_flags := other.tobytes()):
                over = over | other if 1 in flags else other
                flags = over.tobytes() if 1 in flags else its_flags
        place = flags.find(1)
        if place < 0:
            return over, ()
        ended: list[int] = []
        while place >= 0:
            if place not in self.closed:
                ended.append(place)
            place = flags.find(1, place + 1)
        return over, ended

    def begin_all(
        self, places: Sequence[int], beginnings: Sequence[Beginning] | None, values: Mapping[str, Any]
    ) -> None:
        """Some lanes have been reset: an episode of each begins with its next step.

        Args:
            places: of the lanes, from 0.
            beginnings: what each was reset with; None where nothing is known.
            values: the observations that ``reset`` returned, by name, with a leading axis of all lanes.
        """
        counts, own = self._counts, self._infos
        if beginnings is None and self._plain.begin(values, places):
            for place in places:
                own[place] = PLAIN
                counts[place] = 0
        else:
            for place, info in zip(places, self._noted_infos(places, beginnings, values), strict=True):
                own[place] = info
                counts[place] = 0
        self.closed.difference_update(places)
        self._beginning.update(places)
        if self._with_position:
            self._with_position.difference_update(places)

    def _noted_infos(
        self, places: Sequence[int], beginnings: Sequence[Beginning] | None, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The ``info`` of each episode that begins."""
        facts = self._plan.facts
        infos = (
            [facts.info.copy() for _ in places] if beginnings is None else [facts.begun(each) for each in beginnings]
        )
        try:
            note_resets(infos, values, places)
        except Exception as error:  # noqa: BLE001 - whatever an environment gives: the episode begins without it
            self._hooks.note(error)
        return infos

    def record(
        self,
        actions: Any,
        rewards: Any,
        dones: NDArray[np.bool_],
        terminated: Any,
        truncated: Any,
        extras: Mapping[str, Any],
        added: Mapping[str, Any],
        *,
        q_values: Any = None,
        epsilon: Any = None,
        action_masks: Any = None,
    ) -> None:
        """Record the step of every open lane.

        Args:
            actions: None where they stand among the extras.
            extras: what stands among the extras.
            added: by the trainer, named as ``extras`` of the wrappers names it: with a leading axis of lanes, or one number for
                all of them. It outweighs the rest.
        """
        recorder = self._recorder
        if recorder is None:
            return
        positions = meters = nothing = self._nothing
        intrinsic_rewards = time_of_day = interaction_progress = None
        if added:
            known = {"q_values": q_values, "epsilon": epsilon, "action_masks": action_masks}
            fields, extras = self._with_added(known, extras, added)
            positions, meters = fields.get("positions", nothing), fields.get("meters", nothing)
            q_values, epsilon, action_masks = (fields.get(name) for name in known)
            intrinsic_rewards, time_of_day = fields.get("intrinsic_rewards"), fields.get("time_of_day")
            interaction_progress = fields.get("interaction_progress")
        self._n_calls += 1
        if len(self.closed) == self._n_lanes:
            return
        beginning: list[int] = []
        if self._beginning:
            beginning, self._beginning = sorted(self._beginning), set()
            first_id = recorder.new_episode_id(first=self._plan.first_episode_id, n_ids=len(beginning))
            for episode_id, place in enumerate(beginning, first_id):
                self._ids[place] = episode_id
        plain = None if added else self._plain_blocks
        if plain is None or not plain.write(
            nothing if actions is None else actions,
            rewards,
            dones,
            terminated,
            truncated,
            q_values,
            epsilon,
            action_masks,
            extras,
        ):
            recorder.record_batch(
                self._episode_ids,
                self._n_steps,
                positions,
                meters,
                nothing if actions is None else actions,
                rewards,
                intrinsic_rewards,
                dones,
                q_values,
                time_of_day,
                interaction_progress,
                terminated=terminated,
                truncated=truncated,
                epsilon=epsilon,
                action_masks=action_masks,
                extras=extras,
                lanes=self._lanes,
            )
            # Closed lanes are counted anew when they begin.
            self._n_steps += 1
        if self._hooks.has_triggers:
            self._keep_as_told(beginning)

    def end(
        self, place: int, status: str, *, env: Any, info: Mapping[str, Any], told: Mapping[str, Any] = _NOTHING
    ) -> None:
        """The episode of a lane is over; one without a step is none.

        Args:
            status: ``complete`` or ``truncated``.
            env, info: for ``episode_fn``.
            told: metadata that the environment gives.
        """
        self.closed.add(place)
        own, self._infos[place] = self._infos[place], None
        if place in self._beginning:
            self._beginning.remove(place)
            return
        if own is None or self._recorder is None:
            return
        episode_id = self._ids[place]
        self._ids[place] = NO_STEP
        if self._hooks.has_episode_fn:
            lane = self._first_lane + place
            given = self._hooks.episode_metadata(env=env, info=info, episode_id=episode_id, lane=lane)
            told = {**told, **given}
        stage = None if self._stages is None else self._stages[place]
        has_position = place in self._with_position
        self._plain.end(place, episode_id, own, status, stage=stage, has_position=has_position, told=told)

    def _with_added(
        self, fields: Mapping[str, Any], extras: Mapping[str, Any], added: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fields and extras with what the trainer adds, which outweighs them."""
        n_lanes = self._n_lanes
        given = sorted_values(added)
        if given.stage is not None:
            self._stages = self._hooks.attempt(stage_of_each_lane, self._stages, given.stage, n_lanes)
        if "position" in given.fields:
            self._with_position.update(self.open_among(self._places))
        own = {_BATCH_NAMES.get(name, name): of_each_lane(value, n_lanes) for name, value in given.fields.items()}
        own_extras = {name: of_each_lane(value, n_lanes) for name, value in given.extras.items()}
        kept = {name: value for name, value in fields.items() if name not in added}  # None is no value
        return {**kept, **own}, {**extras, **own_extras}

    def _keep_as_told(self, beginning: Sequence[int]) -> None:
        recorder = self._recorder
        assert recorder is not None
        for place in beginning:
            if self._hooks.keeps_episode(episode_id := self._ids[place]):
                recorder.keep(episode_id, "episode_trigger")
        if self._hooks.keeps_step(self._n_calls):
            for place in self.open_among(self._places):
                recorder.keep(self._ids[place], "step_trigger")


def _fresh_lanes(plan: Plan, hooks: Hooks, n_lanes: int, first_lane: int) -> LaneRecorder:
    return LaneRecorder(plan, hooks, n_lanes=n_lanes, first_lane=first_lane)
