"""Doubles of libraries that are not installed: as much of their documented interface as a recording needs.

Each stands in ``sys.modules`` for one test. Where a library is installed, the test takes that.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

__all__ = ["stand_in_for_ray", "stand_in_for_torchrl"]


def stand_in_for_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """``RLlibCallback``, and an episode as environment runners keep it. Source: RLlib, new API stack, 2.60."""
    if importlib.util.find_spec("ray") is not None:
        return
    _install(monkeypatch, "ray.rllib.callbacks.callbacks", RLlibCallback=_RLlibCallback)
    _install(monkeypatch, "ray.rllib.env.single_agent_episode", SingleAgentEpisode=_SingleAgentEpisode)
    _install(monkeypatch, "ray.rllib.env.multi_agent_episode", MultiAgentEpisode=_MultiAgentEpisode)


def stand_in_for_torchrl(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transform and the tensors that it is given. Source: TorchRL 0.14, ``Transform._step`` and ``Transform._reset``."""
    if importlib.util.find_spec("torchrl") is not None:
        return
    _install(monkeypatch, "tensordict", TensorDictBase=Tensors, TensorDict=Tensors)
    _install(monkeypatch, "torchrl.data", OneHot=type("OneHot", (), {}))
    _install(monkeypatch, "torchrl.envs.transforms", Transform=_Transform)


def _install(monkeypatch: pytest.MonkeyPatch, path: str, **names: Any) -> None:
    parts = path.split(".")
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        module = sys.modules.get(name) or ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
    for name, value in names.items():
        setattr(sys.modules[path], name, value)


class _RLlibCallback:
    def __init__(self, **_: Any) -> None:
        pass


class _SingleAgentEpisode:
    def __init__(self) -> None:
        self.observations: list[Any] = []
        self.actions: list[Any] = []
        self.rewards: list[float] = []
        self.extra_model_outputs: dict[str, list[Any]] = {}
        self.is_terminated = self.is_truncated = False
        self.t = 0

    @property
    def is_done(self) -> bool:
        return self.is_terminated or self.is_truncated

    def add_env_reset(self, observation: Any, infos: Any = None) -> None:
        self.observations.append(observation)

    def add_env_step(
        self, observation: Any, action: Any, reward: Any, infos: Any, *, terminated: bool, truncated: bool
    ) -> None:
        self.observations.append(observation)
        self.actions.append(action)
        self.rewards.append(reward)
        self.is_terminated, self.is_truncated = terminated, truncated
        self.t += 1

    def get_observations(self, index: int) -> Any:
        return self.observations[index]

    def get_actions(self, index: int) -> Any:
        return self.actions[index]

    def get_rewards(self, index: int) -> float:
        return self.rewards[index]

    def cut(self, len_lookback_buffer: int = 0) -> _SingleAgentEpisode:
        """The same episode, of which an earlier part has been handed over."""
        later = _SingleAgentEpisode()
        later.t, later.observations = self.t, self.observations[-1:]
        return later


class _MultiAgentEpisode:
    """Of agents that all act in each step that they live."""

    def __init__(self) -> None:
        self.agent_episodes: dict[str, _SingleAgentEpisode] = {}
        self.is_done = False

    def add_env_reset(self, *, observations: dict[str, Any], infos: Any = None) -> None:
        for agent, observation in observations.items():
            self._of(agent).add_env_reset(observation)

    def add_env_step(
        self,
        observations: dict[str, Any],
        actions: dict[str, Any],
        rewards: dict[str, float],
        infos: Any,
        *,
        terminateds: dict[str, bool],
        truncateds: dict[str, bool],
    ) -> None:
        for agent, observation in observations.items():
            if agent not in actions:
                self._of(agent).add_env_reset(observation)
                continue
            ends = {
                "terminated": terminateds.get(agent, False) or terminateds["__all__"],
                "truncated": truncateds.get(agent, False) or truncateds["__all__"],
            }
            self._of(agent).add_env_step(observation, actions[agent], rewards[agent], None, **ends)
        self.is_done = terminateds["__all__"] or truncateds["__all__"]

    def cut(self) -> _MultiAgentEpisode:
        """The same episode, of which an earlier part has been handed over."""
        later = _MultiAgentEpisode()
        later.agent_episodes = {agent: one.cut() for agent, one in self.agent_episodes.items() if not one.is_done}
        return later

    def _of(self, agent: str) -> _SingleAgentEpisode:
        return self.agent_episodes.setdefault(agent, _SingleAgentEpisode())


class Tensors:
    """Tensors by name, with one batch axis."""

    def __init__(self, tensors: dict[str, Any], batch_size: list[int]) -> None:
        self._tensors = tensors
        self.ndim = len(batch_size)

    def numel(self) -> int:
        return len(next(iter(self._tensors.values())))

    def get(self, key: str, default: Any = None) -> Any:
        return self._tensors.get(key, default)

    def items(self, *, include_nested: bool, leaves_only: bool) -> Iterator[tuple[str, torch.Tensor]]:
        yield from self._tensors.items()


class _Transform:
    container: Any = None

    def __init__(self, in_keys: Any = None, out_keys: Any = None) -> None:
        self.parent: Any = type("Parent", (), {"action_spec": None})
