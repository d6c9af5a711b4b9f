"""``RecorderCallback`` for RLlib's new API stack. The only module that imports that library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recorder.capture import EpisodeRecorder
from recorder.errors import MissingExtraError
from recorder.wrappers.environment.description import describe_environment
from recorder.wrappers.episodes.agent_steps import AgentSteps
from recorder.wrappers.episodes.lane_steps import LaneSteps, named_leaves

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

    Actions are those that the module gave; connectors may clip them before the environment gets them. Several agents are one
    episode. An agent's step is recorded once its next observation is there, which is what RLlib calls its step.
    """

    url: str | EpisodeRecorder | None = None
    run_id: str | None = None
    record_observations: bool | None = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._steps: LaneSteps | None = None
        self._teams: dict[int, AgentSteps] = {}
        """By environment of several agents."""
        self._n_recorded: dict[tuple[int, str], int] = {}
        """By environment and agent, the steps of the episode that are recorded; the agent of a single one is empty."""

    def on_episode_start(
        self, *, episode: Any, env_runner: Any = None, env: Any = None, env_index: int = 0, **_: Any
    ) -> None:
        """An environment has been reset."""
        steps = self._steps_of(env_runner, env)
        self._n_recorded = {place: n for place, n in self._n_recorded.items() if place[0] != env_index}
        if steps.recorder is None:
            return
        if hasattr(episode, "agent_episodes"):
            team = self._team_of(steps.recorder, env_runner, env, env_index)
            team.attempt(team.begin, None)
        else:
            steps.begin(env_index, named_leaves("observation", episode.get_observations(-1)))

    def on_episode_step(
        self, *, episode: Any, env_runner: Any = None, env: Any = None, env_index: int = 0, **_: Any
    ) -> None:
        """An environment has been stepped; the last step of an episode comes here, too."""
        steps = self._steps_of(env_runner, env)
        if steps.recorder is None:
            return
        try:
            if hasattr(episode, "agent_episodes"):
                self._record_team(self._team_of(steps.recorder, env_runner, env, env_index), env_index, episode)
            elif self._has_stepped((env_index, ""), episode):
                self._record(steps, env_index, episode)
        except Exception as error:  # noqa: BLE001 - whatever an episode holds: recording never stops training
            steps.recorder.note_failure(error, n_steps=1)

    def on_episode_end(self, *, episode: Any = None, env_index: int = 0, **_: Any) -> None:
        """An episode of several agents is over; a single agent's ends with its last step."""
        team = self._teams.get(env_index)
        if team is not None:
            team.attempt(lambda: team.end(is_over=bool(getattr(episode, "is_done", False))))

    def close(self) -> None:
        """End open episodes as ``truncated``, and the recorder. When an environment runner stops, that happens by itself."""
        for team in self._teams.values():
            team.close()
        if self._steps is not None:
            self._steps.close()

    def _steps_of(self, env_runner: Any, env: Any) -> LaneSteps:
        if self._steps is None:
            worker = _worker_index(env_runner)
            self._steps = LaneSteps(
                self.url,
                run_id=self.run_id if isinstance(self.url, str) else None,
                config=describe_environment(env),
                first_lane=_LANES_OF_A_RUNNER * worker,
                first_episode_id=_IDS_OF_A_RUNNER * worker,
                record_observations=self.record_observations,
            )
            self._close_with(env_runner)
        return self._steps

    def _close_with(self, env_runner: Any) -> None:
        """Have a runner close the recorder when it stops: its process is killed right after that."""
        stop = getattr(env_runner, "stop", None)
        if stop is None:
            return

        def close_and_stop() -> None:
            try:
                self.close()
            finally:
                stop()

        env_runner.stop = close_and_stop

    def _team_of(self, recorder: EpisodeRecorder, env_runner: Any, env: Any, env_index: int) -> AgentSteps:
        if env_index not in self._teams:
            worker = _worker_index(env_runner)
            description = describe_environment(env)
            self._teams[env_index] = AgentSteps(
                recorder,
                run_id=None,
                env_id=str(description.get("env_id", "")),
                action_names=description.get("action_names", ()),
                teams=None,
                agent_fn=None,
                lane=_LANES_OF_A_RUNNER * worker + env_index,
                record_observations=self.record_observations,
                first_episode_id=_IDS_OF_A_RUNNER * worker,
            )
        return self._teams[env_index]

    def _has_stepped(self, place: tuple[int, str], one: Any) -> bool:
        """Whether an episode has a step that the recording has not."""
        n_steps = int(one.t)
        if n_steps == self._n_recorded.get(place, 0):
            return False
        self._n_recorded[place] = n_steps
        return True

    def _record_team(self, team: AgentSteps, env_index: int, episode: Any) -> None:
        """Record the step of the agents that have acted and seen what it led to."""
        stepped = {
            agent: one
            for agent, one in episode.agent_episodes.items()
            if self._has_stepped((env_index, str(agent)), one)
        }
        if not stepped:
            return
        fields = {
            agent: {
                "action": one.get_actions(-1),
                "reward": one.get_rewards(-1),
                "terminated": bool(one.is_terminated),
                "truncated": bool(one.is_truncated),
                "extras": _thought(one),
            }
            for agent, one in stepped.items()
        }
        team.record(fields, {agent: one.get_observations(-1) for agent, one in stepped.items()})

    def _record(self, steps: LaneSteps, lane: int, one: Any) -> None:
        steps.record(
            (lane,),
            action=_row(one.get_actions(-1)),
            reward=np.asarray([one.get_rewards(-1)]),
            terminated=[one.is_terminated],
            truncated=[one.is_truncated],
            observed=_row(named_leaves("observation", one.get_observations(-1))),
            extras=_row(_thought(one)),
        )
        if one.is_terminated or one.is_truncated:
            self._n_recorded[lane, ""] = 0


def recorder_callback(
    url: str | EpisodeRecorder | None, *, run_id: str | None = None, record_observations: bool | None = None
) -> type[RecorderCallback]:
    """The class to give to ``config.callbacks``.

    Example::

        config.callbacks(recorder_callback("redis://localhost:6379/0", run_id="ppo"))

    Args:
        url: of Redis; each environment runner makes a recorder with it. None records nothing.
        run_id: the training job; all environment runners need the same one.
        record_observations: None records observations of up to 4 KiB; of a single agent also pictures.
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


def _thought(one: Any) -> dict[str, Any]:
    """What the module said of an episode's last action."""
    outputs = one.extra_model_outputs
    return {name: outputs[name][-1] for name in _POLICY_VALUES if name in outputs}


def _worker_index(env_runner: Any) -> int:
    return int(getattr(env_runner, "worker_index", 0) or 0)
