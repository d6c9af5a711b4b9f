"""``RecordEpisode`` for environments of ``dm_env``: dm_control, bsuite and others. The only module that imports it."""

from __future__ import annotations

from typing import Any

from recorder.capture import EpisodeRecorder
from recorder.errors import MissingExtraError
from recorder.wrappers.episodes.lane_steps import LaneSteps, named_leaves

try:
    import dm_env
except ImportError as error:
    raise MissingExtraError("recorder.wrappers.dm_env", "dm-env") from error

import numpy as np

__all__ = ["RecordEpisode"]


class RecordEpisode(dm_env.Environment):  # type: ignore[misc]  # a class that is not typed
    """Records every step of an environment; changes nothing of what it returns, and raises nothing into training.

    Example::

        env = RecordEpisode(suite.load("cartpole", "swingup"), "redis://localhost:6379/0", run_id="swing-up")

    An episode ends with a ``LAST`` step: ``terminated`` where its discount is 0, else ``truncated``, as ``dm_env`` defines it.
    The ``discount`` is one of the extras.

    Args:
        env: the environment.
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        env_id: its name; that of its class when left out.
        lane: index of this environment where several trainers share a run.
        first_episode_id: where the ids of episodes begin.
        record_observations: None records observations of up to 4 KiB, and pictures.
    """

    def __init__(
        self,
        env: dm_env.Environment,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        env_id: str | None = None,
        lane: int = 0,
        first_episode_id: int = 0,
        record_observations: bool | None = None,
    ) -> None:
        self._env = env
        self._steps = LaneSteps(
            recorder,
            run_id=run_id,
            config={"env_id": env_id or type(env).__name__, "dm_env": True},
            first_lane=lane,
            first_episode_id=first_episode_id,
            record_observations=record_observations,
        )
        self.recorder = self._steps.recorder
        self._extras: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_env" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._env, name)

    def extras(self, **values: Any) -> None:
        """Add to the next step what the environment can't see, by name."""
        self._extras.update(values)

    def reset(self) -> dm_env.TimeStep:
        """Reset the environment; an episode that has not ended ends here, as ``truncated``."""
        step = self._env.reset()
        self._steps.begin(0, named_leaves("observation", step.observation))
        return step

    def step(self, action: Any) -> dm_env.TimeStep:
        """Step the environment, and record the step; the one that begins an episode is none."""
        step = self._env.step(action)
        extras, self._extras = self._extras, {}
        if step.first():
            self._steps.begin(0, named_leaves("observation", step.observation))
            return step
        is_last = bool(step.last())
        is_terminated = is_last and not np.any(step.discount)
        named = {} if step.discount is None else named_leaves("discount", step.discount)
        self._steps.record(
            (0,),
            action=_one_row(action),
            reward=_one_row(step.reward),
            terminated=[is_terminated],
            truncated=[is_last and not is_terminated],
            observed=_one_row(named_leaves("observation", step.observation)),
            extras=_one_row({**named, **extras}),
        )
        return step

    def action_spec(self) -> Any:
        """That of the wrapped environment."""
        return self._env.action_spec()

    def observation_spec(self) -> Any:
        """That of the wrapped environment."""
        return self._env.observation_spec()

    def reward_spec(self) -> Any:
        """That of the wrapped environment."""
        return self._env.reward_spec()

    def discount_spec(self) -> Any:
        """That of the wrapped environment."""
        return self._env.discount_spec()

    def close(self) -> None:
        """Close the environment; an open episode ends as ``truncated``, and a recorder that was made here is closed."""
        self._steps.close()
        self._env.close()


def _one_row(value: Any) -> Any:
    """With an axis of one lane."""
    if isinstance(value, dict):
        return {name: _one_row(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return type(value)(*map(_one_row, value)) if hasattr(value, "_fields") else tuple(map(_one_row, value))
    return value[None] if hasattr(value, "shape") else np.asarray(value)[None]
