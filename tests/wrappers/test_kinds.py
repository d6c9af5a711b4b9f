"""An environment of another kind is refused at once, with what to use instead."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv
from stable_baselines3.common.vec_env import DummyVecEnv

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.wrappers import RecordEpisode
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes
from tests.capture.recorded import close_and_read
from tests.wrappers.counting_env import CountingEnv

AGENTS = r"several agents.* wrap those of PettingZoo with recorder\.wrappers\.pettingzoo\.RecordEpisode"
VECTOR = r"wrap it with recorder\.wrappers\.vector\.RecordEpisode"


class Parallel(ParallelEnv[str, Any, Any]):
    possible_agents = ["left", "right"]  # noqa: RUF012 - as PettingZoo has it
    metadata: dict[str, Any] = {"name": "parallel"}  # noqa: RUF012


class InTurn(AECEnv[str, Any, Any]):
    metadata: dict[str, Any] = {"name": "in turn"}  # noqa: RUF012


class ByMaps(gymnasium.Env[Any, Any]):
    """Several agents in an environment of Gymnasium, which tells them by its rewards and flags alone."""

    observation_space = action_space = spaces.Dict({"left": spaces.Discrete(2), "right": spaces.Discrete(2)})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return {"left": 0, "right": 0}, {}

    def step(self, action: Any) -> Any:
        return action, {"left": 1.0, "right": 0.0}, {"left": False, "right": False}, {"left": False, "right": False}, {}


class ByArrays(CountingEnv):
    """Many environments in one, as simulators on a graphics card have them."""

    def step(self, action: Any) -> Any:
        observation, _, _, _, info = super().step(action)
        return observation, np.ones(4), np.zeros(4, bool), np.zeros(4, bool), info


class ByObjectives(CountingEnv):
    """One environment whose reward is not one number."""

    reward: Any = None

    def step(self, action: Any) -> Any:
        observation, _, terminated, truncated, info = super().step(action)
        return observation, self.reward, terminated, truncated, info


class ByLists(CountingEnv):
    """Many environments in one, in lists."""

    def step(self, action: Any) -> Any:
        observation, *_, info = super().step(action)
        return observation, [1.0, 2.0], [False, False], [False, False], info


class LikeRllib(ByMaps):
    possible_agents = ("left", "right")


@pytest.mark.parametrize("wrapper", [RecordEpisode, RecordEpisodes])
@pytest.mark.parametrize("env", [Parallel, InTurn, LikeRllib, lambda: gymnasium.wrappers.TimeLimit(LikeRllib(), 9)])
def test_an_environment_of_several_agents_is_refused_with_what_can_be_done(wrapper: Any, env: Any) -> None:
    with pytest.raises(UsageError, match=AGENTS):
        wrapper(env(), None)


@pytest.mark.parametrize(
    ("wrapper", "make", "said"),
    [
        (RecordEpisode, lambda: gymnasium.make_vec("CartPole-v1", num_envs=2), VECTOR),
        (RecordEpisodes, CountingEnv, r"wrap it with recorder\.wrappers\.RecordEpisode"),
        (RecordEpisode, lambda: DummyVecEnv([CountingEnv]), r"give recorder\.wrappers\.sb3\.RecorderCallback to learn"),
        (
            RecordEpisodes,
            lambda: DummyVecEnv([CountingEnv]),
            r"give recorder\.wrappers\.sb3\.RecorderCallback to learn",
        ),
        (RecordEpisode, object, "it is no environment of Gymnasium"),
    ],
)
def test_each_wrapper_names_the_one_that_an_environment_is_for(wrapper: Any, make: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        wrapper(make(), None)


def with_reward(reward: Any) -> Any:
    env = ByObjectives()
    env.reward = reward
    return env


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (ByMaps, AGENTS),
        (ByArrays, VECTOR),
        (ByLists, VECTOR),
        *(
            (partial(with_reward, reward), "its reward is .*expected one number.*LinearReward")
            for reward in ([1.0, 2.0], (1, 2), np.ones(2), torch.ones(2), [[1.0], [1.0, 2.0]], [], None, "much")
        ),
    ],
)
def test_what_only_a_step_shows_stops_the_recording_and_says_so_once(make: Any, said: str) -> None:
    recorder = EpisodeRecorder(sender="thread")
    env = RecordEpisode(make(), recorder)
    for _ in range(2):
        env.reset()
        for _ in range(5):
            env.step(env.action_space.sample())
    env.close()
    assert close_and_read(recorder) == {}
    assert recorder.stats().n_errors == 1
    with pytest.raises(UsageError, match=f"nothing of this environment is recorded.*{said}"):
        raise UsageError(recorder.stats().last_error)


@pytest.mark.parametrize("reward", [[2.0], (2,), np.array([2.0]), np.float32(2), torch.tensor(2), 2])
def test_a_reward_is_recorded_in_whatever_holds_one_number(reward: Any) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = RecordEpisode(with_reward(reward), recorder)
    for _ in range(3):
        env.reset()
        is_over = False
        while not is_over:
            _, _, terminated, truncated, _ = env.step(1)
            is_over = terminated or truncated
    env.close()
    for ended in close_and_read(recorder).values():
        assert set(ended.episode.column("reward").tolist()) == {2}


@pytest.mark.parametrize(
    ("convert", "said"),
    [
        (lambda rewards: np.stack([rewards, rewards], axis=1), "expected 2 numbers"),
        (lambda rewards: [rewards.tolist(), [1.0]], "expected 2 numbers"),
        (lambda rewards: {"left": rewards, "right": rewards}, AGENTS),
        (lambda _: None, "expected 2 numbers"),
    ],
)
def test_a_vector_whose_rewards_are_not_one_a_lane_is_refused_at_its_first_call(convert: Any, said: str) -> None:
    class Converted(gymnasium.vector.VectorWrapper[Any, Any, Any, Any, Any]):
        def step(self, actions: Any) -> Any:
            observations, rewards, *rest = super().step(actions)
            return observations, convert(rewards), *rest

    recorder = EpisodeRecorder(sender="thread")
    envs = RecordEpisodes(Converted(gymnasium.vector.SyncVectorEnv([CountingEnv, CountingEnv])), recorder)
    envs.reset()
    for _ in range(5):
        envs.step([1, 1])
    envs.close()
    assert close_and_read(recorder) == {}
    assert recorder.stats().n_errors == 1
    with pytest.raises(UsageError, match=f"nothing of this environment is recorded.*{said}"):
        raise UsageError(recorder.stats().last_error)


def test_a_recorder_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="recorder: expected EpisodeRecorder or str or None, found int"):
        RecordEpisode(CountingEnv(), 5)  # type: ignore[arg-type]
