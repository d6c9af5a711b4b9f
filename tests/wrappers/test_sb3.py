"""Models of Stable-Baselines3: what they train on is recorded, lane by lane, while they train."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.wrappers import TransformReward
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList, EvalCallback, EveryNTimesteps
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecNormalize

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from recorder.step_stream import RedisStepStream
from recorder.wrappers import AutoSeed
from recorder.wrappers.environment.description import changing_wrappers
from recorder.wrappers.sb3 import RecorderCallback
from tests.capture.recorded import Ended, close_and_read, finished_episodes
from tests.processes import run_python
from tests.wrappers.counting_env import CountingEnv, StatefulEnv, episode_length, recorded_by_lane

N_LANES = 3


def memory_recorder() -> EpisodeRecorder:
    return EpisodeRecorder(strict=True, sender="thread")


def ppo(env: VecEnv, **arguments: Any) -> PPO:
    return PPO("MlpPolicy", env, n_steps=32, batch_size=32, n_epochs=1, device="cpu", seed=1, **arguments)


def counting_lanes() -> list[Callable[[], gymnasium.Env[Any, Any]]]:
    return [partial(CountingEnv, lane) for lane in range(N_LANES)]


def assert_is_episode(ended: Ended, lane: int, number: int) -> None:
    """What was recorded is the whole life of the counting environment."""
    length = episode_length(lane, number)
    read = ended.episode.column
    assert read("extras.observation")[:, :3].tolist() == [[lane, number, step] for step in range(1, length + 1)]
    assert read("extras.observation")[:, 3].tolist() == read("action").tolist()
    assert read("reward").tolist() == list(range(1, length + 1))
    assert read("done").tolist() == [False] * (length - 1) + [True]
    assert read("terminated").tolist() == [False] * (length - 1) + [number % 2 == 0]
    assert read("truncated").tolist() == [False] * (length - 1) + [number % 2 == 1]
    assert ended.metadata.info["reset_observation"] == [lane, number, 0, -1]
    assert ended.metadata.status == EpisodeStatus.COMPLETE
    assert ended.metadata.total_reward == sum(range(length + 1))


@pytest.mark.parametrize("vectorize", [DummyVecEnv, SubprocVecEnv])
def test_every_lane_of_ppo_is_recorded_as_it_lived(vectorize: Callable[..., VecEnv]) -> None:
    recorder = memory_recorder()
    env = vectorize(counting_lanes())
    callback = RecorderCallback(recorder)
    ppo(env).learn(N_LANES * 40, callback=CallbackList([callback]))
    env.close()
    for lane, episodes in enumerate(recorded_by_lane(recorder, n_lanes=N_LANES)):
        complete = [ended for ended in episodes if ended.metadata.status == EpisodeStatus.COMPLETE]
        assert len(complete) >= 20
        assert len(episodes) - len(complete) <= 1
        for number, ended in enumerate(complete):
            assert_is_episode(ended, lane, number)
            assert ended.episode.column("extras.value").shape == (ended.metadata.n_steps,)
            assert ended.metadata.info["env_id"] == "CountingEnv", "without a spec it is the name of the class"


def test_the_state_of_each_lane_is_recorded_where_it_can_be_read() -> None:
    recorder = memory_recorder()
    env = DummyVecEnv([partial(StatefulEnv, lane) for lane in range(N_LANES)])
    model = ppo(env)
    callback = RecorderCallback(recorder, states=True)
    for begins_anew in (True, False):
        model.learn(N_LANES * 32, callback=callback, reset_num_timesteps=begins_anew)
    env.close()
    for episodes in recorded_by_lane(recorder, n_lanes=N_LANES):
        complete = [ended for ended in episodes if ended.metadata.status == EpisodeStatus.COMPLETE]
        assert len(complete) >= 20
        for ended in complete:
            states = ended.episode.column("extras.state").tolist()
            assert states == ended.episode.column("extras.observation")[:, :3].tolist()
            assert ended.metadata.info["reset_state"] == [*states[0][:2], 0]
    with pytest.raises(UsageError, match="CountingEnv has no state to record"):
        ppo(DummyVecEnv([CountingEnv])).learn(32, callback=RecorderCallback(None, states=True))


def test_dqn_is_recorded_with_the_q_values_that_it_chose_from() -> None:
    recorder = memory_recorder()
    env = DummyVecEnv([lambda: Monitor(CountingEnv(1))])
    model = DQN("MlpPolicy", env, learning_starts=20, train_freq=4, exploration_fraction=0.5, device="cpu", seed=1)
    model.learn(100, callback=RecorderCallback(recorder, q_values=True))
    episodes = [ended for ended in close_and_read(recorder).values() if ended.metadata.status == EpisodeStatus.COMPLETE]
    greedy = []
    for number, ended in enumerate(episodes):
        assert_is_episode(ended, 1, number)
        read = ended.episode.column
        assert read("q_values").shape == (ended.metadata.n_steps, CountingEnv.action_space.n)
        greedy += (read("q_values").argmax(axis=1) == read("action")).tolist()
    epsilons = np.concatenate([ended.episode.column("epsilon") for ended in episodes])
    assert set(epsilons[:20].tolist()) == {1.0}
    assert 0.05 < epsilons[21] < 1.0
    assert epsilons[-1] == pytest.approx(0.05)
    assert np.mean(greedy[-40:]) > 0.8  # by then five in a hundred actions are random


def test_q_values_are_those_of_the_state_whatever_else_the_network_is_asked() -> None:
    class Asks(BaseCallback):
        """Asks the network about another state, after each step."""

        def _on_step(self) -> bool:
            self.model.predict(np.full((1, 4), 7.0, np.float32), deterministic=True)
            return True

    recorder = memory_recorder()
    model = DQN(
        "MlpPolicy", DummyVecEnv([partial(CountingEnv, 3)]), learning_starts=10, gradient_steps=0, device="cpu",
        exploration_initial_eps=0.5, exploration_final_eps=0.5,
    )  # fmt: skip
    model.learn(60, callback=[RecorderCallback(recorder, q_values=True), Asks()])
    assert not model.q_net._forward_hooks
    for ended in close_and_read(recorder).values():
        reset = np.array(ended.metadata.info["reset_observation"], np.float32)[None]
        acted_in = np.concatenate([reset, ended.episode.column("extras.observation")[:-1]])
        with torch.no_grad():
            expected = model.q_net(torch.from_numpy(acted_in)).numpy()
        assert np.allclose(ended.episode.column("q_values"), expected, atol=1e-5)


def test_actions_are_those_that_the_environment_got() -> None:
    class Echo(gymnasium.Env[Any, Any]):
        """Observes the action before."""

        action_space = gymnasium.spaces.Box(-0.25, 2.0, (2,), np.float32)
        observation_space = gymnasium.spaces.Box(-10, 10, (2,), np.float32)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            self._n_steps = 0
            return np.zeros(2, np.float32), {}

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            self._n_steps += 1
            return np.array(action, np.float32), 1.0, self._n_steps == 10, False, {}

    for model_class, settings in ((PPO, {"n_steps": 32, "batch_size": 32}), (SAC, {"learning_starts": 10})):
        recorder = memory_recorder()
        model: BaseAlgorithm = model_class("MlpPolicy", DummyVecEnv([Echo]), device="cpu", seed=1, **settings)
        model.learn(40, callback=RecorderCallback(recorder))
        for ended in close_and_read(recorder).values():
            read = ended.episode.column
            assert read("action").tolist() == read("extras.observation").tolist()
            assert read("action").min() >= -0.25


def test_a_second_call_of_learn_goes_on_with_the_episodes_or_begins_anew() -> None:
    recorder = memory_recorder()
    callback = RecorderCallback(recorder)
    model = ppo(DummyVecEnv([partial(CountingEnv, 3)]))
    model.learn(32, callback=callback)
    model.learn(32, callback=callback, reset_num_timesteps=False)
    n_before = callback.num_timesteps
    model.learn(32, callback=callback)  # resets the environment
    episodes = close_and_read(recorder)
    statuses = [ended.metadata.status for ended in episodes.values()]
    assert n_before == 64
    assert statuses.count(EpisodeStatus.TRUNCATED) <= 2
    for ended in episodes.values():
        (number,) = {int(number) for number in ended.episode.column("extras.observation")[:, 1]}
        if ended.metadata.status == EpisodeStatus.COMPLETE:
            assert_is_episode(ended, 3, number)
    assert sum(ended.metadata.n_steps for ended in episodes.values()) == 96


def test_an_environment_that_was_reset_between_two_calls_of_learn_begins_new_episodes() -> None:
    recorder = memory_recorder()
    callback = RecorderCallback(recorder)
    env = DummyVecEnv([partial(CountingEnv, 3)])
    model = ppo(env)
    for _ in range(6):
        model.learn(32, callback=callback, reset_num_timesteps=False)
        model.set_env(env)  # the next call resets it
    episodes = close_and_read(recorder)
    assert sum(ended.metadata.n_steps for ended in episodes.values()) == 6 * 32
    for ended in episodes.values():
        assert ended.episode.column("reward").tolist() == list(range(1, ended.metadata.n_steps + 1))


def test_a_callback_that_comes_in_mid_episode_knows_no_first_observation() -> None:
    recorder = memory_recorder()
    model = ppo(DummyVecEnv([partial(CountingEnv, 3)]))
    model.learn(32)
    model.learn(32, callback=RecorderCallback(recorder), reset_num_timesteps=False)
    first, second, *_ = close_and_read(recorder).values()
    assert "reset_observation" not in first.metadata.info
    assert second.metadata.info["reset_observation"][2] == 0


def test_returns_are_those_that_the_monitor_counted() -> None:
    recorder = memory_recorder()
    env = VecNormalize(make_vec_env("CartPole-v1", n_envs=2, seed=3))
    ppo(env).learn(256, callback=RecorderCallback(recorder))
    complete = [ended for ended in close_and_read(recorder).values() if ended.metadata.status == EpisodeStatus.COMPLETE]
    assert complete
    for ended in complete:
        assert ended.metadata.total_reward == ended.metadata.n_steps
        assert ended.metadata.extrinsic_reward == pytest.approx(ended.episode.column("reward").sum())
        assert ended.metadata.extrinsic_reward != ended.metadata.n_steps  # normalised
        assert ended.metadata.action_names == ("push left", "push right")
        assert ended.metadata.info["observation_names"][2] == "angle"


def test_a_url_records_a_run_that_ends_with_learn(redis_url: str) -> None:
    env = VecNormalize(make_vec_env("CartPole-v1", n_envs=2, seed=3, wrapper_class=AutoSeed))
    callback = RecorderCallback(
        redis_url,
        run_id="ppo",
        episode_trigger=lambda episode_id: episode_id == 1,
        step_fn=lambda *, obs, **_: {"position": obs[:, :1]},
        episode_fn=lambda *, info, **_: {"info": {"length": info["episode"]["l"]} if "episode" in info else {}},
    )
    model = ppo(env)
    model.learn(200, callback=callback)
    with pytest.raises(UsageError, match="give it an EpisodeRecorder"):
        model.learn(32, callback=callback)
    stream = RedisStepStream(redis_url, purpose="worker")
    episodes = finished_episodes(stream, "ppo")
    config = stream.run_info("ppo").info["config"]
    stream.close()
    assert (config["env_id"], config["algorithm"]) == ("CartPole-v1", "PPO")
    assert changing_wrappers(config) == ["VecNormalize"]
    assert episodes[1].body["manual"] == ["episode_trigger"]
    assert len({ended.metadata.info["seed"] for ended in episodes.values()}) == len(episodes) > 4
    for ended in episodes.values():
        assert ended.episode.column("position").shape == (ended.metadata.n_steps, 1)
        if ended.metadata.status == EpisodeStatus.COMPLETE:
            assert ended.metadata.info["length"] == ended.metadata.n_steps


@pytest.mark.parametrize("vectorize", [DummyVecEnv, SubprocVecEnv])
def test_an_environment_whose_spec_cannot_be_sent_is_recorded(vectorize: type[VecEnv]) -> None:
    recorder = memory_recorder()
    env = make_vec_env(
        "CartPole-v1",
        n_envs=1,
        seed=3,
        wrapper_class=lambda env: TransformReward(env, lambda reward: 2 * float(reward)),
        vec_env_cls=vectorize,  # type: ignore[arg-type]
    )
    ppo(env).learn(96, callback=RecorderCallback(recorder))
    env.close()
    first = close_and_read(recorder)[0]
    assert first.metadata.info["env_id"] == "CartPole-v1"
    assert set(first.episode.column("reward").tolist()) == {2.0}


@pytest.mark.parametrize(
    "around",
    [
        lambda callback: EveryNTimesteps(20, callback),
        lambda callback: EveryNTimesteps(20, CallbackList([callback])),
        lambda callback: EvalCallback(DummyVecEnv([CountingEnv]), callback_on_new_best=callback),
    ],
)
def test_a_callback_that_would_not_see_every_step_is_refused(around: Callable[[Any], Any]) -> None:
    with memory_recorder() as recorder, pytest.raises(UsageError, match="has to see every step"):
        ppo(DummyVecEnv(counting_lanes())).learn(96, callback=around(RecorderCallback(recorder)))


def test_a_callback_is_not_for_other_environments() -> None:
    with memory_recorder() as recorder:
        callback = RecorderCallback(recorder)
        ppo(DummyVecEnv(counting_lanes())).learn(96, callback=callback)
        with pytest.raises(UsageError, match="has recorded other environments"):
            ppo(DummyVecEnv(counting_lanes()[:1])).learn(32, callback=callback)


def test_a_lane_that_tells_no_last_observation_keeps_its_episodes_apart() -> None:
    class Silent(DummyVecEnv):
        def step_wait(self) -> Any:
            *result, infos = super().step_wait()
            for info in infos:
                info.pop("terminal_observation", None)
            return *result, infos

    recorder = EpisodeRecorder(sender="thread")
    model = DQN("MlpPolicy", Silent([partial(CountingEnv, 3)]), learning_starts=1000, device="cpu", seed=1)
    model._store_transition = lambda *_: None  # type: ignore[assignment, method-assign] - it needs that observation
    model.learn(60, callback=RecorderCallback(recorder))
    episodes = list(close_and_read(recorder).values())
    assert recorder.stats().n_missing_steps == 0
    assert "terminal_observation" in recorder.stats().last_error
    for number, ended in enumerate(episodes[:-1]):
        assert ended.episode.column("reward").tolist() == list(range(1, episode_length(3, number) + 1))


def test_without_a_recorder_training_goes_on() -> None:
    callback = RecorderCallback(None)
    callback.extras(stage=1)
    ppo(DummyVecEnv(counting_lanes())).learn(96, callback=callback)
    assert callback.recorder is None


def test_q_values_of_a_model_that_has_none_are_refused() -> None:
    with memory_recorder() as recorder, pytest.raises(UsageError, match="PPO has no network of Q-values"):
        ppo(DummyVecEnv(counting_lanes())).learn(96, callback=RecorderCallback(recorder, q_values=True))


def test_a_function_that_fails_stops_nothing() -> None:
    def fails(**_: Any) -> Any:
        raise RuntimeError("mine")

    recorder = EpisodeRecorder(sender="thread")
    ppo(DummyVecEnv(counting_lanes())).learn(96, callback=RecorderCallback(recorder, step_fn=fails, episode_fn=fails))
    assert len(close_and_read(recorder)) > 20
    assert "mine" in recorder.stats().last_error
    assert recorder.stats().n_refused_steps == 0


def test_where_the_library_is_missing_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['stable_baselines3'] = None; import recorder.wrappers.sb3"
    status, output = run_python(["-c", code])
    assert status == 1
    assert "pip install 'hamlet-recorder[sb3]'" in output
