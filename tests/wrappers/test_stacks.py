"""Libraries that step environments another way than Gymnasium: each episode is what a loop by hand would have logged.

Where a library is not installed, its place takes a double of the interface that its documentation describes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.wrappers import envpool, pufferlib, tianshou
from recorder.wrappers.episodes.lane_steps import LaneSteps, named_leaves
from tests.capture.recorded import close_and_read
from tests.wrappers.conformance import assert_is_life, assert_lanes_are_lives
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv
from tests.wrappers.stack_lanes import N_CALLS, N_LANES, drawn


class Pool:
    """Lanes of ``CountingEnv`` as envpool has them: ``recv`` gives some of them, and the call after an end resets a lane."""

    num_envs = N_LANES
    spec = SimpleNamespace(config={})  # envpool's has no id
    metadata: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, batch_size: int) -> None:
        self._envs = [CountingEnv(lane) for lane in range(N_LANES)]
        self.single_action_space = self._envs[0].action_space
        self._batch_size = batch_size
        self._ready: list[Any] = []
        self._over = [True] * N_LANES

    @property
    def unwrapped(self) -> Any:
        return self

    def async_reset(self) -> None:
        self._over = [True] * N_LANES
        self.send(np.zeros(N_LANES, int), np.arange(N_LANES))

    def send(self, actions: Any, env_id: Any = None) -> None:
        for action, lane in zip(actions, self._last if env_id is None else env_id, strict=True):
            env = self._envs[lane]
            result = (env.reset()[0], 0.0, False, False) if self._over[lane] else env.step(int(action))[:4]
            self._over[lane] = result[2] or result[3]
            self._ready.append((lane, *result))

    def recv(self) -> Any:
        taken, self._ready = self._ready[: self._batch_size], self._ready[self._batch_size :]
        lanes, *columns = (np.array(column) for column in zip(*taken, strict=True))
        self._last = lanes
        return *columns, {"env_id": lanes.astype(np.int32)}

    def reset(self) -> Any:
        self.async_reset()
        observation, *_, info = self.recv()
        return observation, info

    def step(self, actions: Any, env_id: Any = None) -> Any:
        self.send(actions, env_id)
        return self.recv()

    def close(self) -> None:
        pass


def test_envpool_in_step(memory: EpisodeRecorder) -> None:
    envs = envpool.RecordEpisode(Pool(N_LANES), memory, env_id="Counting-v0")
    envs.reset()
    for call in range(N_CALLS):
        envs.step(drawn(N_LANES, call))
    envs.close()
    assert_lanes_are_lives(memory, n_lanes=N_LANES)


def test_envpool_some_lanes_at_a_time(memory: EpisodeRecorder) -> None:
    envs = envpool.RecordEpisode(Pool(3), memory)
    envs.async_reset()
    for call in range(2 * N_CALLS):
        *_, info = envs.recv()
        envs.send(drawn(len(info["env_id"]), call), info["env_id"])
    envs.close()
    assert_lanes_are_lives(memory, n_lanes=N_LANES)


def test_envpool_records_pictures_and_leaves_out_other_large_values(memory: EpisodeRecorder) -> None:
    steps = LaneSteps(memory, config={"env_id": "x"})
    pictures = np.random.default_rng(1).integers(0, 256, (3, 2, 4, 84, 84), np.uint8)
    observed = {"observation.screen": pictures, "observation.large": np.zeros((3, 2, 5000), np.float32)}
    for step in range(3):
        steps.record(
            (0, 1),
            action=np.zeros(2, np.int64),
            reward=np.zeros(2),
            terminated=np.zeros(2, bool),
            truncated=np.full(2, step == 2),
            observed={name: values[step] for name, values in observed.items()},
        )
    steps.close()
    for ended in close_and_read(memory).values():
        assert "extras.observation.large" not in ended.episode.names
        found = ended.episode.column("extras.observation.screen")
        np.testing.assert_array_equal(found, pictures[:, ended.metadata.lane])


def test_an_environment_of_dm_env_is_refused_by_the_wrapper_for_envpool() -> None:
    class DmPool(Pool):
        def observation_spec(self) -> None: ...

    with pytest.raises(UsageError, match="make_gymnasium"):
        envpool.RecordEpisode(DmPool(2), None)


@pytest.mark.filterwarnings("ignore:.*precision lowered by casting:UserWarning")  # of the spaces that it makes
def test_envpool_itself(memory: EpisodeRecorder) -> None:
    """The lengths that envpool counts are those that are recorded."""
    envs = envpool.RecordEpisode(
        pytest.importorskip("envpool").make_gymnasium("CartPole-v1", num_envs=3, batch_size=2, seed=5), memory
    )
    lengths: list[int] = []
    envs.async_reset()
    for _ in range(200):
        observation, _, terminated, truncated, info = envs.recv()
        lengths += info["elapsed_step"][terminated | truncated].tolist()
        envs.send((observation[:, 2] > 0).astype(np.int32), info["env_id"])
    envs.close()
    complete = [
        ended.metadata.n_steps for ended in close_and_read(memory).values() if ended.metadata.status == "complete"
    ]
    assert sorted(complete) == sorted(lengths)
    assert lengths


class Puffer:
    """Agents as PufferLib's vector environments have them, in the order of its results; one of them is masked.

    Args:
        resets_at_once: within the step that ends an episode, as environments in C do.
    """

    def __init__(self, *, resets_at_once: bool) -> None:
        self._envs = [CountingEnv(lane) for lane in range(N_LANES)]
        self.driver_env = SimpleNamespace(env=None if resets_at_once else self._envs[0])
        self._resets_at_once = resets_at_once
        self._over = [True] * N_LANES

    def async_reset(self, seed: int | None = None) -> None:
        self._over = [True] * N_LANES
        self.send(np.zeros(N_LANES, int))

    def send(self, actions: Any) -> None:
        results = []
        for lane, (env, action) in enumerate(zip(self._envs, actions, strict=True)):
            result = (env.reset()[0], 0.0, False, False) if self._over[lane] else env.step(int(action))[:4]
            self._over[lane] = (result[2] or result[3]) and not self._resets_at_once
            if (result[2] or result[3]) and self._resets_at_once:
                result = env.reset()[0], *result[1:]
            results.append(result)
        self._results = [np.array(column) for column in zip(*results, strict=True)]

    def recv(self) -> Any:
        return *self._results, [], np.arange(N_LANES), np.arange(N_LANES) < N_LANES - 1

    def close(self) -> None:
        pass


@pytest.mark.parametrize("resets_at_once", [False, True])
def test_pufferlib(memory: EpisodeRecorder, *, resets_at_once: bool) -> None:
    vecenv = pufferlib.RecordEpisode(
        Puffer(resets_at_once=resets_at_once), memory, lanes=[0, 2, 3], env_id="Counting-v0"
    )
    vecenv.reset(seed=1)
    for call in range(N_CALLS):
        vecenv.step(drawn(N_LANES, call))
    vecenv.close()
    episodes = close_and_read(memory)
    assert {ended.metadata.lane for ended in episodes.values()} == {0, 2}  # 1 was not chosen, 3 is masked
    for lane in (0, 2):
        whole = [
            ended for ended in episodes.values() if (ended.metadata.lane, ended.metadata.status) == (lane, "complete")
        ]
        assert len(whole) > 4
        for number, ended in enumerate(whole):
            assert_is_life(ended, lane, number, has_last_observation=not resets_at_once)


def test_pufferlib_itself(memory: EpisodeRecorder) -> None:
    vector = pytest.importorskip("pufferlib.vector")
    emulation = pytest.importorskip("pufferlib.emulation")

    def make(**given: Any) -> Any:
        return emulation.GymnasiumPufferEnv(
            env_creator=CountingEnv, **{k: given[k] for k in ("buf", "seed") if k in given}
        )

    vecenv = pufferlib.RecordEpisode(vector.make(make, num_envs=1, backend=vector.Serial), memory)
    vecenv.reset(seed=1)
    for call in range(N_CALLS):
        vecenv.step(drawn(1, call))
    vecenv.close()
    (env_id,) = {ended.metadata.info["env_id"] for ended in close_and_read(memory).values()}
    assert env_id == "CountingEnv"


class Rows:
    """A batch as Tianshou has it."""

    def __init__(self, **columns: Any) -> None:
        self.__dict__.update(columns)

    def __len__(self) -> int:
        return len(self.rew)

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]


def test_tianshou(memory: EpisodeRecorder) -> None:
    hook = tianshou.RecorderHook(memory)
    envs = [CountingEnv(lane) for lane in range(N_LANES)]
    seen = [env.reset()[0] for env in envs]
    for call in range(N_CALLS):
        lanes = [
            lane for lane in range(N_LANES) if (lane + call) % 3
        ]  # a collector steps the environments that are ready
        actions = drawn(len(lanes), call)
        results = [envs[lane].step(action)[:4] for lane, action in zip(lanes, actions, strict=True)]
        after, reward, terminated, truncated = (np.array(column) for column in zip(*results, strict=True))
        before = np.array([seen[lane] for lane in lanes])
        rows = Rows(
            obs=before,
            obs_next=after,
            rew=reward,
            terminated=terminated,
            truncated=truncated,
            info=Rows(env_id=np.array(lanes)),
        )
        hook(Rows(act_normalized=actions), rows)
        for index, lane in enumerate(lanes):
            seen[lane] = envs[lane].reset()[0] if terminated[index] or truncated[index] else after[index]
    envs[1].reset()  # the collector begins anew
    hook.close()
    assert_lanes_are_lives(memory, n_lanes=N_LANES)


def test_tianshou_itself(memory: EpisodeRecorder) -> None:
    pytest.importorskip("tianshou")
    from tianshou.algorithm.random import MARLRandomDiscreteMaskedOffPolicyAlgorithm
    from tianshou.data import Collector, VectorReplayBuffer
    from tianshou.env import DummyVectorEnv

    envs = DummyVectorEnv([lambda lane=lane: CountingEnv(lane) for lane in range(N_LANES)])
    hook = tianshou.RecorderHook(memory)
    policy = MARLRandomDiscreteMaskedOffPolicyAlgorithm(action_space=CountingEnv.action_space)
    collector = Collector(policy, envs, VectorReplayBuffer(400, N_LANES), on_step_hook=hook)
    collector.reset()
    collector.collect(n_step=N_LANES * N_CALLS, random=True)
    hook.close()
    assert_lanes_are_lives(memory, n_lanes=N_LANES)


def test_dm_env(memory: EpisodeRecorder) -> None:
    dm_env = pytest.importorskip("dm_env")
    from recorder.wrappers.dm_env import RecordEpisode

    class Counting(dm_env.Environment):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self._env, self._is_over = CountingEnv(), True

        def reset(self) -> Any:
            self._is_over = False
            return dm_env.restart(self._env.reset()[0])

        def step(self, action: Any) -> Any:
            if self._is_over:
                return self.reset()
            observation, reward, terminated, truncated, _ = self._env.step(int(action))
            self._is_over = terminated or truncated
            make = dm_env.termination if terminated else dm_env.truncation if truncated else dm_env.transition
            return make(reward=reward, observation=observation)

        def action_spec(self) -> Any:
            return dm_env.specs.DiscreteArray(N_ACTIONS)

        def observation_spec(self) -> Any:
            return dm_env.specs.Array((4,), np.float32)

    env = RecordEpisode(Counting(), memory)
    env.reset()
    for call in range(N_CALLS):
        env.step(drawn(1, call)[0])
    env.reset()
    env.close()
    assert_lanes_are_lives(memory, n_lanes=1)
    assert env.action_spec().num_values == N_ACTIONS


def test_dm_control_itself(memory: EpisodeRecorder) -> None:
    suite = pytest.importorskip("dm_control.suite")
    from recorder.wrappers.dm_env import RecordEpisode

    env = RecordEpisode(suite.load("cartpole", "swingup", task_kwargs={"random": 1}), memory, env_id="swing-up")
    spec, chance = env.action_spec(), np.random.default_rng(1)
    env.reset()
    logged: list[Any] = []
    while not logged or not logged[-1][1].last():
        action = chance.uniform(spec.minimum, spec.maximum, spec.shape)
        logged.append((action, env.step(action)))
    env.close()
    (ended,) = close_and_read(memory).values()
    assert (ended.metadata.info["env_id"], ended.metadata.status) == ("swing-up", "complete")
    episode = ended.episode
    np.testing.assert_array_equal(episode.column("action"), [action for action, _ in logged])
    np.testing.assert_array_equal(episode.column("reward"), [step.reward for _, step in logged])
    for name in logged[0][1].observation:
        expected = [step.observation[name] for _, step in logged]
        np.testing.assert_array_equal(episode.column(f"extras.observation.{name}"), expected)


def test_lanes_count_their_episodes_whatever_order_they_step_in(memory: EpisodeRecorder) -> None:
    with pytest.raises(UsageError, match="run_id: goes with a URL"):
        LaneSteps(memory, run_id="run")
    with pytest.raises(UsageError, match="first_lane: expected 0 or more"):
        LaneSteps(None, first_lane=-1)
    assert named_leaves("observation", {"a": np.zeros(2), "b": (np.ones(1), "text")}).keys() == {
        "observation.a",
        "observation.b.0",
    }
    config = {"env_id": "Any", "action_names": ["a"], "observation_names": ["x"]}
    steps = LaneSteps(memory, first_lane=5, first_episode_id=100, config=config)
    large = np.zeros((2, 3000), np.float32)
    flags = {"terminated": [False, True], "truncated": [False, False]}
    steps.record(
        [1, 0], action={"x": [1, 2]}, reward=[0.5, 1.5], observed={"observation": large}, info={"note": 1}, **flags
    )
    steps.begin(1)
    steps.close()
    one, zero = (ended for _, ended in sorted(close_and_read(memory).items()))
    assert (one.metadata.lane, one.metadata.status, one.metadata.episode_id) == (6, "truncated", 100)
    assert (zero.metadata.lane, zero.metadata.status, zero.metadata.action_names) == (5, "complete", ("a",))
    assert zero.metadata.info == {"env_id": "Any", "observation_names": ["x"], "note": 1}
    assert not zero.episode.has_column("extras.observation")  # more than 4 KiB
    assert zero.episode.column("extras.action.x").tolist() == [2]
