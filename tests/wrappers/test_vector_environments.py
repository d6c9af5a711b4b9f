"""Vector environments of other kinds: structured values, tensors, URLs, none at all."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers import TransformReward

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.step_stream import RedisStepStream
from recorder.wrappers import describe_environment
from recorder.wrappers.vector import RecordEpisode
from tests.capture.recorded import close_and_read, finished_episodes
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv, recorded_by_lane
from tests.wrappers.vector_lanes import N_LANES, Make, counting_lanes, play, sync_env, vectorizers


class StructuredEnv(gymnasium.Env[Any, Any]):
    """Observations and actions with parts, one of which no column can hold."""

    observation_space = spaces.Dict(
        {
            "place": spaces.Box(0, 1, (2,), np.float32),
            "inner": spaces.Tuple([spaces.Discrete(4), spaces.MultiBinary(3)]),
            "said": spaces.Text(40),
            "heard": spaces.Sequence(spaces.Discrete(2)),
        }
    )
    action_space = spaces.Dict({"turn": spaces.Discrete(3), "thrust": spaces.Box(-1, 1, (2,), np.float32)})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._observation(0), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._observation(int(action["turn"])), 1.0, True, False, {}

    def _observation(self, turn: int) -> dict[str, Any]:
        inner = (turn, np.array([1, 0, turn % 2]))
        return {"place": np.full(2, turn / 4, np.float32), "inner": inner, "said": "hello" * (1 + turn), "heard": (1,)}


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_parts_of_observations_and_actions_are_columns_of_their_own(
    mode: AutoresetMode, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(sync_env([StructuredEnv, StructuredEnv], mode), recorder)
    assert "observation.heard (Sequence)" in caplog.text
    play(envs, mode, n_calls=7)
    envs.close()
    episodes = close_and_read(recorder)
    assert len(episodes) == (14 if mode is AutoresetMode.SAME_STEP else 8)
    for ended in episodes.values():
        read = ended.episode.column
        turn = read("extras.action.turn")[0]
        assert read("action").shape == (1, 0)
        assert read("extras.action.thrust").shape == (1, 2)
        assert read("extras.observation.place").tolist() == [[turn / 4, turn / 4]]
        assert read("extras.observation.said").tolist() == ["hello" * (1 + turn)]
        assert read("extras.observation.inner.0").tolist() == [turn]
        assert read("extras.observation.inner.1").tolist() == [[1, 0, turn % 2]]
        assert ended.metadata.info["reset_observation.inner.1"] == [1, 0, 0]


def test_a_url_makes_a_recorder_that_is_closed_with_the_environment(redis_url: str) -> None:
    envs = RecordEpisode(sync_env(counting_lanes(), AutoresetMode.NEXT_STEP), redis_url, run_id="by-url")
    play(envs, AutoresetMode.NEXT_STEP)
    envs.close()
    stream = RedisStepStream(redis_url, purpose="worker")
    assert len(finished_episodes(stream, "by-url")) >= 8 * N_LANES
    config = stream.run_info("by-url").info["config"]
    assert config["single_action_space"] == f"Discrete({N_ACTIONS})"
    stream.close()


@vectorizers
def test_a_vector_environment_made_by_hand_has_the_name_of_what_is_in_it(vectorize: Make) -> None:
    names = []
    for make in (lambda: TransformReward(gymnasium.make("CartPole-v1"), lambda reward: reward), CountingEnv):
        envs = vectorize([make], AutoresetMode.NEXT_STEP)
        names.append(describe_environment(envs)["env_id"])
        envs.reset()
        envs.close()
    assert names == ["CartPole-v1", "CountingEnv"]


def test_without_a_recorder_nothing_is_recorded_and_everything_goes_on() -> None:
    envs = RecordEpisode(sync_env(counting_lanes(), AutoresetMode.NEXT_STEP), None)
    envs.extras(stage=1)
    play(envs, AutoresetMode.NEXT_STEP)
    envs.close()


def test_impossible_arguments_are_refused() -> None:
    envs = sync_env(counting_lanes(), AutoresetMode.NEXT_STEP)
    with pytest.raises(UsageError, match="first_lane: expected 0 or more, found -1"):
        RecordEpisode(envs, None, first_lane=-1)
    with pytest.raises(UsageError, match="first_episode_id: expected 0 or more"):
        RecordEpisode(envs, None, first_episode_id=-1)
    with pytest.raises(UsageError, match="run_id: goes with a URL"):
        RecordEpisode(envs, None, run_id="x")


class TensorEnv(VectorEnv[Any, Any, Any]):
    """Two lanes of one step each, in tensors: what environments that run on a device give."""

    num_envs = 2
    single_observation_space = spaces.Box(0, 100, (3,), np.float32)
    single_action_space = spaces.Discrete(2)
    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(self, device: str) -> None:
        self._device = device
        self._n_resets = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return self._observations(0.5), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        self._n_resets += 1
        last = self._observations(0.0)
        over = np.ones(2, bool)
        infos = {"final_obs": [last[0], last[1]], "_final_obs": over}
        return self._observations(0.5), torch.ones(2), torch.ones(2, dtype=torch.bool), ~over, infos

    def _observations(self, share: float) -> torch.Tensor:
        return torch.full((2, 3), self._n_resets + share, device=self._device)


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_tensors_are_recorded_where_they_lie(device: str) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(TensorEnv(device), recorder)
    envs.reset()
    for _ in range(4):
        envs.step(torch.tensor([0, 1]))
    envs.close()
    for lane, episodes in enumerate(recorded_by_lane(recorder, n_lanes=2)):
        assert len(episodes) == 4
        for number, ended in enumerate(episodes):
            assert ended.episode.column("extras.observation").tolist() == [[number + 1.0] * 3]
            assert ended.episode.column("action").tolist() == [lane]
            first = None if device == "cuda" else [number + 0.5] * 3
            assert ended.metadata.info.get("reset_observation") == first
