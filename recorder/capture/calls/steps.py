"""The calls of a recorder that take steps: of one lane, of all lanes, and of all lanes between two updates."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recorder.black_box import Kind
from recorder.capture.calls.episodes import EpisodeCalls
from recorder.capture.rollout import rollout_count
from recorder.capture.writing.block_path import block_count
from recorder.capture.writing.native_writer import native_blocks, native_steps
from recorder.episode import EpisodeMetadata
from recorder.publish.metadata.given import own_metadata

if TYPE_CHECKING:
    from recorder.capture.writing.native import NativeBlocks, NativeSteps

__all__ = ["StepCalls"]


class StepCalls(EpisodeCalls):
    """Part of ``EpisodeRecorder``. Each call tries the compiled writer first; then values are looked at one by one."""

    _n_batches = -1

    def record_step(
        self,
        episode_id: int,
        step: int,
        position: Any,
        meters: Any,
        action: Any,
        reward: Any,
        intrinsic_reward: Any = 0.0,
        done: Any = False,
        q_values: Any = None,
        time_of_day: Any = None,
        interaction_progress: Any = None,
        *,
        terminated: Any = None,
        truncated: Any = None,
        epsilon: Any = None,
        action_masks: Any = None,
        extras: Mapping[str, Any] | None = None,
        lane: int = 0,
    ) -> None:
        """Record one step; ``recorder.episode`` says which state belongs to which action.

        Values may be torch tensors on any device, numpy arrays, sequences or numbers; they are copied before this
        returns.

        Args:
            episode_id: the episode; its first step opens it. Use an id once in a run: ``new_episode_id`` gives one.
            step: number of the step, ascending from 0; a number left out is marked as a gap. A file holds 40,000 gaps; the
                steps after them are refused and counted.
            position, meters, q_values, action_masks: one-dimensional, any length.
            action: an index, or a vector.
            extras: further named numbers, arrays or texts (``str``).
            lane: index of the sub-environment.
        """
        started = None
        begins = False
        try:
            if not step & 63:  # one in TIMED_EVERY_STEPS; as a name it would take as long again
                begins = not step
                if not (begins and episode_id & 7):  # of the first steps one in LOOKED_EVERY_EVENTS
                    started = perf_counter()
            is_written = self._steps.write(
                episode_id, step, lane,
                position, meters, action, reward, intrinsic_reward, done, terminated, truncated, q_values,
                time_of_day, interaction_progress, epsilon, action_masks, extras,
            )  # fmt: skip
        except Exception:  # noqa: BLE001 - the quick way does not fit; the slow one says why
            is_written = False
        if not is_written:
            self._record_carefully(
                (episode_id, step, lane),
                (
                    position, meters, action, reward, intrinsic_reward, done, terminated, truncated, q_values,
                    time_of_day, interaction_progress, epsilon, action_masks,
                ),
                extras,
                finds_room=is_written is not None,
            )  # fmt: skip
        if started is not None:
            self._end.note_call(perf_counter() - started)
        if begins:
            self._begin(episode_id)
        if self._strict:
            self._raise_sender_error()

    def plain_steps(self, *, lane: int, mask_name: str) -> NativeSteps | None:
        """For the wrapper of one environment: the quick way of steps that come as the one before; None where there is none.

        Args:
            mask_name: where an ``info`` has a mask of actions, which takes the usual way.
        """
        if self._closed_because:
            return None
        return native_steps(self._steps, self._begin, self._end.note_call, lane=lane, mask_name=mask_name)

    def _begin(self, episode_id: Any) -> None:
        try:
            self._ids.begin(episode_id)
        except Exception as error:  # noqa: BLE001 - recording never stops training; the sender refuses the steps
            self._refusals.refuse(error)

    def _record_carefully(
        self, place: tuple[Any, Any, Any], values: tuple[Any, ...], extras: Any, *, finds_room: bool
    ) -> None:
        if self._closed_because:
            self._refusals.refuse(self._closed_error("record_step"), n_steps=1)
        else:
            self._steps.record(place, values, extras, finds_room=finds_room)

    def record_batch(
        self,
        episode_ids: Any,
        steps: Any,
        positions: Any,
        meters: Any,
        actions: Any,
        rewards: Any,
        intrinsic_rewards: Any = None,
        dones: Any = None,
        q_values: Any = None,
        time_of_day: Any = None,
        interaction_progress: Any = None,
        *,
        terminated: Any = None,
        truncated: Any = None,
        epsilon: Any = None,
        action_masks: Any = None,
        extras: Mapping[str, Any] | None = None,
        lanes: Any = None,
    ) -> None:
        """Record one step of every lane of a vector environment; one thread at a time.

        Every array has a leading axis of lanes; torch tensors on any device, numpy arrays or sequences. What is one number
        a step may also come as ``[n_lanes, 1]``.

        Args:
            episode_ids, steps: ``int64[n_lanes]``, on the host; where an episode's id is -1 the lane has no step now, whatever
                else is given for it.
            lanes: ``int64[n_lanes]``, on the host: the lane of each place; 0, 1, 2, … when left out.
            extras: further named arrays ``[n_lanes, …]``, or sequences of one text a lane.
        """
        started = None
        self._n_batches += 1
        if not self._n_batches & 7:  # one in TIMED_EVERY_CALLS
            started = perf_counter()
        try:
            is_written = self._blocks.write(
                episode_ids, steps, lanes,
                positions, meters, actions, rewards, intrinsic_rewards, dones, terminated, truncated, q_values,
                time_of_day, interaction_progress, epsilon, action_masks, extras,
            )  # fmt: skip
        except Exception:  # noqa: BLE001 - the quick way does not fit; the slow one says why
            is_written = False
        if not is_written:
            values = (
                positions, meters, actions, rewards, intrinsic_rewards, dones, terminated, truncated, q_values,
                time_of_day, interaction_progress, epsilon, action_masks,
            )  # fmt: skip
            if self._closed_because:
                self._refusals.refuse(self._closed_error("record_batch"), n_steps=block_count(episode_ids))
            else:
                self._blocks.record(episode_ids, steps, lanes, values, extras, finds_room=is_written is not None)
        if started is not None:
            self._end.note_call(perf_counter() - started)
        if self._strict:
            self._raise_sender_error()

    def plain_blocks(
        self,
        *,
        episode_ids: NDArray[np.int64],
        steps: NDArray[np.int64],
        lanes: NDArray[np.int64] | None,
        nothing: NDArray[np.float32],
    ) -> NativeBlocks | None:
        """For the wrapper of a vector environment: the quick way of steps with nothing added; None where there is none.

        Args:
            episode_ids, steps, lanes: of ``record_batch``, which stay the same arrays; written steps are counted in the second.
            nothing: for the fields that each step has and the environment has not.
        """
        if self._closed_because:
            return None
        return native_blocks(
            self._blocks, self._end.note_call, episode_ids=episode_ids, steps=steps, lanes=lanes, nothing=nothing
        )

    def record_rollout(
        self,
        positions: Any,
        meters: Any,
        actions: Any,
        rewards: Any,
        intrinsic_rewards: Any = None,
        q_values: Any = None,
        time_of_day: Any = None,
        interaction_progress: Any = None,
        *,
        terminated: Any = None,
        truncated: Any = None,
        epsilon: Any = None,
        action_masks: Any = None,
        extras: Mapping[str, Any] | None = None,
        lanes: Any = None,
        metadata: EpisodeMetadata | Mapping[str, Any] | None = None,
    ) -> NDArray[np.int64]:
        """Record what many lanes did between two updates; one thread at a time.

        Every array has the leading axes ``[n_steps, n_lanes]``. Episodes are numbered here: a lane's next episode begins with
        the step after its end, and goes on with the next rollout. The files are those of a loop of ``record_batch`` and
        ``finish_episode``.

        Args:
            terminated, truncated: ``bool[n_steps, n_lanes]``, on the host, one of them at least: an episode ends with this step.
            lanes: ``int64[n]``: record these lanes only; all of them when left out.
            metadata: of each episode that ends in this rollout.

        Returns:
            ``int64[n_steps, n_lanes]``: the episode of each step, for ``keep``; empty when the call failed.
        """
        started = perf_counter()
        values = (
            positions, meters, actions, rewards, intrinsic_rewards, None, terminated, truncated, q_values,
            time_of_day, interaction_progress, epsilon, action_masks,
        )  # fmt: skip
        ids = np.empty((0, 0), np.int64)
        try:
            if self._closed_because:
                raise self._closed_error("record_rollout")
            ids, ended = self._rollouts.record(self._blocks, values, extras, terminated, truncated, lanes)
        except Exception as error:  # noqa: BLE001 - recording never stops training
            self._refusals.refuse(error, n_steps=rollout_count(values, lanes))
        else:
            own, wrong = own_metadata(metadata)
            for episode_id in ended:
                self._inlet.put_event(Kind.FINISH, episode_id, own)
            for problem in wrong:
                self._refusals.refuse(problem)
        self._end.note_call(perf_counter() - started)
        if self._strict:
            self._raise_sender_error()
        return ids
