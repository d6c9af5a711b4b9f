"""``RecorderHook``: records what a collector of Tianshou 2 collects. It needs nothing of that library but its batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recorder.capture import EpisodeRecorder
from recorder.wrappers.episodes.lane_steps import LaneSteps, named_leaves

__all__ = ["RecorderHook"]


class RecorderHook:
    """Records every step of every lane that a collector steps; raises nothing into training.

    Example::

        hook = RecorderHook("redis://localhost:6379/0", run_id="dqn")
        collector = Collector(policy, envs, buffer, on_step_hook=hook)
        …
        hook.close()

    A step also holds Tianshou's ``obs_next``, the true last observation of an episode included. Where the collector resets its
    environments in the middle of an episode, that episode ends as ``truncated``.

    Args:
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        config: what the environment is, as ``describe_environment`` says it of one of them.
        first_lane: index of the first environment where several trainers share a run.
        first_episode_id: where the ids of episodes begin.
        lanes: record these environments only; all of them when left out.
        record_observations: None records observations of up to 4 KiB a lane, and pictures.
    """

    def __init__(
        self,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        first_lane: int = 0,
        first_episode_id: int = 0,
        lanes: Any = None,
        record_observations: bool | None = None,
    ) -> None:
        self._steps = LaneSteps(
            recorder,
            run_id=run_id,
            config=config,
            first_lane=first_lane,
            first_episode_id=first_episode_id,
            lanes=lanes,
            record_observations=record_observations,
        )
        self.recorder = self._steps.recorder
        self._last: dict[int, bytes] = {}
        """By lane, the observation that its last step led to."""

    def __call__(self, action_batch: Any, rollout_batch: Any) -> None:
        """Record one step of the environments in a batch; what the collector does with the batch stays as it is."""
        if self.recorder is None:
            return
        try:
            self._record(action_batch.act_normalized, rollout_batch)
        except Exception as error:  # noqa: BLE001 - whatever a batch is made of: recording never stops training
            self.recorder.note_failure(error, n_steps=len(rollout_batch))

    def close(self) -> None:
        """End open episodes as ``truncated``; a recorder that was made here is closed."""
        self._steps.close()

    def _record(self, actions: Any, batch: Any) -> None:
        lanes = [int(lane) for lane in np.asarray(batch.info["env_id"])]
        before, after = _parts(batch.obs), _parts(batch.obs_next)
        for index, lane in enumerate(lanes):
            if not self._steps.is_open(lane) or self._last.get(lane) != _bytes(before, index):
                self._steps.begin(lane, {name: value[index] for name, value in before.items()})
            self._last[lane] = _bytes(after, index)
        self._steps.record(
            lanes,
            action=np.asarray(actions),
            reward=np.asarray(batch.rew),
            terminated=batch.terminated,
            truncated=batch.truncated,
            observed=after,
        )


def _parts(observations: Any) -> dict[str, Any]:
    """The arrays of a batch of observations, by name; those of a ``Dict`` come as a batch of batches."""
    is_nested = not hasattr(observations, "dtype") and hasattr(observations, "get_keys")
    tree = {key: observations[key] for key in observations.get_keys()} if is_nested else observations
    return {name: np.asarray(value) for name, value in named_leaves("observation", tree).items()}


def _bytes(parts: Mapping[str, Any], index: int) -> bytes:
    return b"".join(value[index].tobytes() for value in parts.values())
