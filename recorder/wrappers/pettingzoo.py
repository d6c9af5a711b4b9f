"""``RecordEpisode`` for the environments of PettingZoo. The only module that imports it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces

from recorder.capture import EpisodeRecorder
from recorder.errors import MissingExtraError, UsageError
from recorder.wrappers.environment.frames import FrameSource, Rendering, check_frames, is_picture, picture_of, renders
from recorder.wrappers.environment.names import team_action_names_of
from recorder.wrappers.environment.parts import own_copy
from recorder.wrappers.episodes.agent_steps import AgentSteps
from recorder.wrappers.episodes.plan import ACTION_MASK

try:
    from pettingzoo.utils.wrappers import BaseParallelWrapper, BaseWrapper
except ImportError as error:
    raise MissingExtraError("recorder.wrappers.pettingzoo", "pettingzoo") from error

__all__ = ["RecordEpisode"]

_log = logging.getLogger(__name__)


class RecordEpisode:
    """Records every step of a parallel or AEC environment; changes nothing of what it does.

    Example::

        env = RecordEpisode(knights_archers_zombies_v10.parallel_env(), "redis://localhost:6379/0", run_id="knights")

    A step of a parallel environment is one step of the recording. In an AEC environment each turn is a step: it has the
    reward of every agent, ``extras.acting`` says whose turn it was, and the others have zeros for action, mask and
    observation, or the last picture that they saw. The steps in which a dead agent leaves are not recorded. ``action_masks``
    is the ``action_mask`` of the observation, or of the info, before the action.

    Args:
        env: the environment; what this returns is one of its kind.
        recorder: who records, or a Redis URL: then ``close`` closes the recorder, too. None records nothing.
        run_id: the training job, when ``recorder`` is a URL.
        env_id: its name; that of its metadata when left out.
        action_names: of the actions of all agents, or by agent; those that the environment tells when left out.
        teams: the team of each agent.
        agent_fn: called after each step without arguments; gives more fields of ``record_step`` by agent, such as
            ``{"knight_0": {"position": (3, 4), "meters": [0.5]}}``.
        lane: index of this environment where several trainers share a run.
        record_observations: None records observations of up to 4 KiB an agent, and pictures where ``frames`` says so.
        frames: ``render`` records what ``render()`` shows after each step, which takes time; ``auto`` does so where the
            ``render_mode`` is ``rgb_array``; ``observation`` records the observations that are pictures; ``none`` no pictures.
        every: a picture with each so many steps.

    Raises:
        UsageError: it is no environment of PettingZoo, or an argument can't work.
    """

    def __new__(
        cls,
        env: Any,
        recorder: EpisodeRecorder | str | None,
        *,
        run_id: str | None = None,
        env_id: str | None = None,
        action_names: Sequence[str] | Mapping[Any, Sequence[str]] | None = None,
        teams: Mapping[Any, str] | None = None,
        agent_fn: Callable[[], Mapping[Any, Mapping[str, Any]]] | None = None,
        lane: int = 0,
        record_observations: bool | None = None,
        frames: FrameSource = "auto",
        every: int = 1,
    ) -> Any:
        """Wrap the environment."""
        check_frames(frames, every)
        is_aec = hasattr(env, "agent_iter")
        if not is_aec and not hasattr(env, "possible_agents") and not hasattr(env, "agents"):
            raise UsageError(f"{type(env).__name__} is no environment of PettingZoo: it has no agents")
        metadata = getattr(env, "metadata", None)
        name = env_id or (metadata or {}).get("name") or type(env.unwrapped).__name__
        steps = AgentSteps(
            recorder,
            run_id=run_id,
            env_id=str(name),
            action_names=_action_names(env, str(name)) if action_names is None else action_names,
            teams=teams,
            agent_fn=agent_fn,
            lane=lane,
            record_observations=record_observations,
            rendering=_rendering(env, str(name), frames, every),
            every=every,
            has_pictures=frames == "observation",
        )
        return _InTurn(env, steps) if is_aec else _Parallel(env, steps)


class _Parallel(BaseParallelWrapper):  # type: ignore[misc]  # a class that is not typed
    """All agents act at once."""

    def __init__(self, env: Any, steps: AgentSteps) -> None:
        super().__init__(env)
        self._steps = steps
        self.recorder = steps.recorder
        self._masks: dict[Any, Any] = {}
        """Of the actions that come next, by agent."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        result = self.env.reset(seed=seed, options=options)
        self._steps.attempt(self._steps.begin, seed)
        self._steps.attempt(self._remember, *result)
        return result

    def step(self, actions: dict[Any, Any]) -> Any:
        agents = list(self.env.agents)
        result = self.env.step(actions)
        self._steps.attempt(self._record, agents, actions, result)
        return result

    def close(self) -> None:
        self._steps.close()
        self.env.close()

    def _record(self, agents: list[Any], actions: Mapping[Any, Any], result: Any) -> None:
        observations, rewards, terminations, truncations = result[:4]
        fields = {
            agent: {
                "action": actions.get(agent),
                "reward": rewards.get(agent, 0.0),
                "terminated": bool(terminations.get(agent, False)),
                "truncated": bool(truncations.get(agent, False)),
                "action_masks": self._masks.get(agent),
            }
            for agent in agents
        }
        self._remember(observations, result[4])
        self._steps.record(fields, observations)
        if not self.env.agents:
            self._steps.end()

    def _remember(self, observations: Mapping[Any, Any], infos: Mapping[Any, Any]) -> None:
        masks = {agent: _mask_in(seen, infos.get(agent)) for agent, seen in observations.items()}
        self._masks = {agent: own_copy(mask) for agent, mask in masks.items() if mask is not None}


class _InTurn(BaseWrapper):  # type: ignore[misc]  # a class that is not typed
    """One agent acts at a time."""

    def __init__(self, env: Any, steps: AgentSteps) -> None:
        super().__init__(env)
        self._steps = steps
        self.recorder = steps.recorder
        self._seen: dict[Any, Any] = {}
        """What each agent saw last, if pictures are recorded."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self.env.reset(seed=seed, options=options)
        self._seen = {}
        self._steps.attempt(self._steps.begin, seed)

    def step(self, action: Any) -> None:
        actor, agents = self.env.agent_selection, list(self.env.agents)
        is_dead = self.env.terminations[actor] or self.env.truncations[actor]
        alive = [it for it in agents if not (self.env.terminations[it] or self.env.truncations[it])]
        self._mask = None
        if not is_dead:
            self._steps.attempt(self._look, actor)
        self.env.step(action)
        if not is_dead:
            self._steps.attempt(self._record, actor, alive, action)
        if not self.env.agents:
            self._steps.attempt(self._steps.end)

    def close(self) -> None:
        self._steps.close()
        self.env.close()

    def _look(self, actor: Any) -> None:
        """Remember the mask of the action that comes now."""
        space = self.env.observation_space(actor)
        is_seen = isinstance(space, spaces.Dict) and ACTION_MASK in space.spaces
        mask = _mask_in(self.env.observe(actor) if is_seen else None, self.env.infos.get(actor))
        self._mask = None if mask is None else own_copy(mask)

    def _record(self, actor: Any, alive: list[Any], action: Any) -> None:
        env, mask = self.env, self._mask
        fields = {
            agent: {
                "action": action if agent == actor else _zeros(env.action_space(agent)),
                "reward": env.rewards.get(agent, 0.0),
                "terminated": bool(env.terminations.get(agent, False)),
                "truncated": bool(env.truncations.get(agent, False)),
                "extras": {"acting": agent == actor},
                "action_masks": mask if agent == actor or mask is None else np.zeros_like(mask),
            }
            for agent in alive
        }
        seen = env.observe(actor)
        observed = {it: seen if it == actor else _zeros(env.observation_space(it), self._seen.get(it)) for it in alive}
        self._steps.record(fields, observed)
        if self._steps.has_pictures:
            self._seen[actor] = deepcopy(seen)  # an environment may draw into the same array again


def _mask_in(observation: Any, info: Any) -> Any:
    """The mask of the next action; None without one. That of a composite action space, a tuple, is left out."""
    for source in (observation, info):
        if isinstance(source, Mapping) and (mask := source.get(ACTION_MASK)) is not None:
            return None if isinstance(mask, tuple) else mask
    return None


def _rendering(env: Any, name: str, frames: FrameSource, every: int) -> Rendering | None:
    """What gives the pictures; None if there are none."""
    if not renders(frames, has_pictures=False, render_mode=getattr(env, "render_mode", None), is_reenacted=False):
        return None
    return Rendering(
        lambda: picture_of(env.render()),
        every=every,
        tell=lambda what: _log.warning("recorder: env_id=%s: %s", name, what),
    )


def _action_names(env: Any, name: str) -> list[str] | dict[Any, list[str]]:
    """Those that the environment tells; no description may fail."""
    try:
        return team_action_names_of(env, name)
    except Exception:  # noqa: BLE001 - whatever an environment raises that has no names
        return []


def _zeros(space: spaces.Space[Any], seen: Any = None) -> Any:
    """What stands for the action or observation of an agent whose turn it is not, of the shape that it has in its turn.

    Args:
        seen: the last observation of the agent; a picture stays, because it takes no room and is watched.
    """
    if isinstance(space, spaces.Dict):
        return {name: _zeros(part, None if seen is None else seen[name]) for name, part in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_zeros(part, None if seen is None else seen[at]) for at, part in enumerate(space.spaces))
    if seen is not None and is_picture(space):
        return seen
    return None if space.shape is None else np.zeros(space.shape, space.dtype)
