"""``RecorderCallback`` for RLlib's new API stack. The only module that imports that library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from recorder.capture import EpisodeRecorder
from recorder.errors import MissingExtraError
from recorder.wrappers.description import describe_environment
from recorder.wrappers.lane_steps import LaneSteps, named_leaves

try:
    from ray.rllib.callbacks.callbacks import RLlibCallback
except ImportError as error:
    raise MissingExtraError("recorder.wrappers.rllib", "rllib") from error

__all__ = ["RecorderCallback", "recorder_callback"]

_IDS_OF_A_RUNNER = 10**9
"""Episodes of one environment runner: the first id of a runner is so many after that of the one before."""

_LANES_OF_A_RUNNER = 1000


_POLICY_VALUES = ("action_logp", "vf_preds")
"""What the module says of an action that is a number or two."""


class RecorderCallback(RLlibCallback):  # type: ignore[misc]  # a class that is not typed
    """Records the steps of every environment that the environment runners sample; raises nothing into training.

    Call ``recorder_callback``, or derive from this class with a ``url`` and a ``run_id``, and give the class to
    ``config.callbacks``. Each environment runner makes a recorder at its first episode, in its own process. Ids of its episodes
    begin at 10**9 times ``worker_index``, its lanes at 1,000 times that.

    Actions are those that the module gave; connectors may clip them before the environment gets them. Of several agents, each
    is a lane, and ``info["agent"]`` names it.
    """

    url: str | EpisodeRecorder | None = None
    run_id: str | None = None
    record_observations: bool | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._steps: LaneSteps | None = None
        self._n_recorded: dict[Any, int] = {}
        """By lane, the environment steps of its episode that are recorded."""
        self._agents: dict[tuple[int, str], int] = {}
        """The lane of each agent of an environment."""

    def on_episode_start(
        self, *, episode: Any, env_runner: Any = None, env: Any = None, env_index: int = 0, **_: Any
    ) -> None:
        """An environment has been reset."""
        steps = self._steps_of(env_runner, env)
        for lane, one, _ in self._lanes(episode, env_index):
            self._n_recorded[lane] = 0
            if steps.recorder is not None:
                steps.begin(lane, named_leaves("observation", one.get_observations(-1)))

    def on_episode_step(
        self, *, episode: Any, env_runner: Any = None, env: Any = None, env_index: int = 0, **_: Any
    ) -> None:
        """An environment has been stepped; the last step of an episode comes here, too."""
        steps = self._steps_of(env_runner, env)
        if steps.recorder is None:
            return
        try:
            for lane, one, info in self._lanes(episode, env_index):
                self._record(steps, lane, one, info)
        except Exception as error:  # noqa: BLE001 - whatever an episode holds: recording never stops training
            steps.recorder.note_failure(error, n_steps=1)

    def on_episode_end(self, *, env_index: int = 0, **_: Any) -> None:
        """Agents that were alive at the end of the episode have had no last step."""
        if self._steps is not None:
            for (index, agent), lane in self._agents.items():
                if index == env_index and self._steps.is_open(lane):
                    self._steps.end(lane, status="complete", info={"agent": agent})
                    self._n_recorded[lane] = 0

    def close(self) -> None:
        """End open episodes as ``truncated``, and the recorder. At the end of a process that happens by itself."""
        if self._steps is not None:
            self._steps.close()

    def _steps_of(self, env_runner: Any, env: Any) -> LaneSteps:
        if self._steps is None:
            worker = int(getattr(env_runner, "worker_index", 0) or 0)
            self._steps = LaneSteps(
                self.url,
                run_id=self.run_id if isinstance(self.url, str) else None,
                config=describe_environment(env),
                first_lane=_LANES_OF_A_RUNNER * worker,
                first_episode_id=_IDS_OF_A_RUNNER * worker,
                record_observations=self.record_observations,
            )
        return self._steps

    def _lanes(self, episode: Any, env_index: int) -> Iterator[tuple[int, Any, dict[str, Any]]]:
        """The lane of each agent, its episode, and what to say of it."""
        if not hasattr(episode, "agent_episodes"):
            yield env_index, episode, {}
            return
        for agent, one in episode.agent_episodes.items():
            lane = self._agents.setdefault((env_index, str(agent)), len(self._agents))
            yield lane, one, {"agent": str(agent)}

    def _record(self, steps: LaneSteps, lane: int, one: Any, info: Mapping[str, Any]) -> None:
        """Record the step that an episode has and the recording has not; an agent may not have acted."""
        n_steps = int(one.t)
        if n_steps == self._n_recorded.get(lane, 0):
            return
        self._n_recorded[lane] = n_steps
        thought = {
            name: one.extra_model_outputs[name][-1] for name in _POLICY_VALUES if name in one.extra_model_outputs
        }
        steps.record(
            (lane,),
            action=_row(one.get_actions(-1)),
            reward=np.asarray([one.get_rewards(-1)]),
            terminated=[one.is_terminated],
            truncated=[one.is_truncated],
            observed=_row(named_leaves("observation", one.get_observations(-1))),
            extras=_row(thought),
            info=info,
        )
        if one.is_terminated or one.is_truncated:
            self._n_recorded[lane] = 0


def recorder_callback(
    url: str | EpisodeRecorder | None, *, run_id: str | None = None, record_observations: bool | None = None
) -> type[RecorderCallback]:
    """The class to give to ``config.callbacks``.

    Example::

        config.callbacks(recorder_callback("redis://localhost:6379/0", run_id="ppo"))

    Args:
        url: of Redis; each environment runner makes a recorder with it. None records nothing.
        run_id: the training job; all environment runners need the same one.
        record_observations: None records observations of up to 4 KiB.
    """
    values = {"url": url, "run_id": run_id, "record_observations": record_observations}
    return type("RecorderCallback", (RecorderCallback,), values)


def _row(value: Any) -> Any:
    """With an axis of one lane."""
    if isinstance(value, Mapping):
        return {name: _row(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_row(part) for part in value)
    return np.asarray(value)[None]
