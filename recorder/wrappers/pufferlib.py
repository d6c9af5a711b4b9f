"""``RecordEpisode`` for the vector environments of PufferLib. It needs nothing of that library's names."""

from __future__ import annotations

from typing import Any

from recorder.capture import EpisodeRecorder
from recorder.wrappers.environment.description import describe_environment
from recorder.wrappers.episodes.exchanged import Exchange, Passing
from recorder.wrappers.episodes.lane_steps import LaneSteps

__all__ = ["RecordEpisode"]


class RecordEpisode(Passing):
    """Records the steps of chosen lanes between ``recv`` and ``send``; masked agents have none.

    Example::

        vecenv = RecordEpisode(pufferlib.vector.make(make_env, num_envs=1024), "redis://localhost:6379/0", lanes=range(16))

    Such environments make millions of steps a second: record few lanes. Where an environment resets itself within the step
    that ends an episode, as those in C do, nobody gives its last observation, and the recording has none there.

    Args:
        vecenv: from ``pufferlib.vector.make``; each agent is a lane.
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        env_id: its name; that of the class of the driver environment when left out.
        lanes: record these only; all of them when left out.
        resets_in_next_step: whether the call after an episode's end resets the environment; None asks its kind: emulated
            Gymnasium and PettingZoo environments do.
        first_lane: index of the first lane where several trainers share a run.
        first_episode_id: where the ids of episodes begin.
        record_observations: None records observations of up to 4 KiB a lane, and pictures.
    """

    def __init__(
        self,
        vecenv: Any,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        env_id: str | None = None,
        lanes: Any = None,
        resets_in_next_step: bool | None = None,
        first_lane: int = 0,
        first_episode_id: int = 0,
        record_observations: bool | None = None,
    ) -> None:
        super().__init__(vecenv)
        driver = getattr(vecenv, "driver_env", None)
        inner = getattr(driver, "env", None)
        config = {} if inner is None else describe_environment(inner)
        self._steps = LaneSteps(
            recorder,
            run_id=run_id,
            config={"env_id": type(driver).__name__, **config, **({} if env_id is None else {"env_id": env_id})},
            lanes=lanes,
            first_lane=first_lane,
            first_episode_id=first_episode_id,
            record_observations=record_observations,
        )
        self.recorder = self._steps.recorder
        if resets_in_next_step is None:
            resets_in_next_step = inner is not None
        self._exchange = Exchange(self._steps, resets_in_next_step=resets_in_next_step)

    def async_reset(self, *arguments: Any, **named: Any) -> Any:
        """Have all environments reset; ``recv`` gives what they show."""
        self._exchange.reset()
        return self._env.async_reset(*arguments, **named)

    def reset(self, *arguments: Any, **named: Any) -> Any:
        """Reset all environments; gives observations and infos."""
        self.async_reset(*arguments, **named)
        result = self.recv()
        return result[0], result[-3]

    def step(self, actions: Any) -> Any:
        """Send actions and receive results: observations, rewards, terminals, truncations and infos."""
        self.send(actions)
        result = self.recv()
        return *result[:4], result[-3]

    def send(self, actions: Any) -> Any:
        """Send actions for the lanes of the last results."""
        self._exchange.sent(actions)
        return self._env.send(actions)

    def recv(self) -> Any:
        """Receive results of some lanes, and record their steps."""
        result = self._env.recv()
        observation, reward, terminated, truncated = result[:4]
        lanes, mask = result[-2:]  # before them, infos, and in some versions more
        self._exchange.received(lanes, observation, reward, terminated, truncated, mask)
        return result

    def close(self) -> None:
        """Close the environment; open episodes end as ``truncated``, and a recorder that was made here is closed."""
        self._steps.close()
        self._env.close()
