"""``RecordEpisode`` for envpool, in its synchronous and its asynchronous use. It needs nothing of that library's names."""

from __future__ import annotations

from typing import Any

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.wrappers.environment.description import describe_environment
from recorder.wrappers.episodes.exchanged import Exchange, Passing
from recorder.wrappers.episodes.lane_steps import LaneSteps

__all__ = ["RecordEpisode"]


class RecordEpisode(Passing):
    """Records every step of every lane, also where ``recv`` gives ``batch_size`` of ``num_envs`` lanes at a time.

    Example::

        envs = RecordEpisode(envpool.make_gymnasium("Pong-v5", num_envs=64, batch_size=32), "redis://localhost:6379/0")

    Envpool resets a lane in the call after an episode's end; that call is no step. It draws no seeds that could be told: its
    episodes have none.

    Args:
        env: from ``envpool.make_gymnasium``.
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        env_id: the task's name, which envpool does not tell; the name of its class when left out.
        lanes: record these only; all of them when left out.
        first_lane: index of the first lane where several trainers share a run.
        first_episode_id: where the ids of episodes begin.
        record_observations: None records observations of up to 4 KiB a lane, and pictures.

    Raises:
        UsageError: the environment is of ``make_dm``, or an argument can't work.
    """

    def __init__(
        self,
        env: Any,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        env_id: str | None = None,
        lanes: Any = None,
        first_lane: int = 0,
        first_episode_id: int = 0,
        record_observations: bool | None = None,
    ) -> None:
        if hasattr(env, "observation_spec"):
            raise UsageError(
                "envpool.make_dm gives dm_env's time steps: make the same task with envpool.make_gymnasium"
            )
        super().__init__(env)
        config = describe_environment(env)
        self._steps = LaneSteps(
            recorder,
            run_id=run_id,
            config={**config, "env_id": env_id or config["env_id"]},
            lanes=lanes,
            first_lane=first_lane,
            first_episode_id=first_episode_id,
            record_observations=record_observations,
        )
        self.recorder = self._steps.recorder
        self._exchange = Exchange(self._steps, resets_in_next_step=True)

    def reset(self, *arguments: Any, **named: Any) -> Any:
        """Reset all lanes, or those whose ids are given; their open episodes end as ``truncated``."""
        if not arguments and not named.get("env_id"):
            self._exchange.reset()
        observation, info = self._env.reset(*arguments, **named)
        self._exchange.received(info["env_id"], observation, *[[0.0] * len(info["env_id"])] * 3)
        return observation, info

    def async_reset(self) -> None:
        """Have all lanes reset; ``recv`` gives what they show."""
        self._exchange.reset()
        self._env.async_reset()

    def send(self, action: Any, env_id: Any = None) -> None:
        """Send actions, to the lanes of the last results where no ids are given."""
        self._exchange.sent(action, env_id)
        self._env.send(action, env_id)

    def recv(self, *arguments: Any, **named: Any) -> Any:
        """Receive results of some lanes, and record their steps."""
        return self._take(self._env.recv(*arguments, **named))

    def step(self, action: Any, env_id: Any = None) -> Any:
        """Send actions and receive results."""
        self._exchange.sent(action, env_id)
        return self._take(self._env.step(action, env_id))

    def close(self) -> None:
        """Close the environment; open episodes end as ``truncated``, and a recorder that was made here is closed."""
        self._steps.close()
        self._env.close()

    def _take(self, result: Any) -> Any:
        observation, reward, terminated, truncated, info = result
        self._exchange.received(info["env_id"], observation, reward, terminated, truncated)
        return result
