"""Libraries that step environments another way than Gymnasium: each episode is what a loop by hand would have logged.

Where a library is not installed, its place takes a double of the interface that its documentation describes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recorder.agents.columns import agent_columns
from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.wrappers import envpool, pufferlib, tianshou
from recorder.wrappers.lane_steps import LaneSteps, named_leaves
from tests.capture.recorded import close_and_read
from tests.wrappers.conformance import assert_is_life, assert_lanes_are_lives
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv
from tests.wrappers.doubles import stand_in_for_ray, stand_in_for_torchrl

N_LANES = 4
N_CALLS = 40


@pytest.fixture
def memory() -> EpisodeRecorder:
    return EpisodeRecorder(strict=True, sender="thread")


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


def drawn(count: int, call: int) -> Any:
    return (np.arange(count) * 7 + call * 13) % N_ACTIONS


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


def test_torchrl(memory: EpisodeRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transform sees a step before its lanes are reset, and the reset of those whose episode is over after it."""
    stand_in_for_torchrl(monkeypatch)
    from tensordict import TensorDict

    from recorder.wrappers.torchrl import RecordEpisode

    transform = RecordEpisode(memory)
    envs = [CountingEnv(lane) for lane in range(N_LANES)]

    def tensors(**columns: Any) -> Any:
        return TensorDict({name: torch.as_tensor(np.array(value)) for name, value in columns.items()}, [N_LANES])

    observation = np.array([env.reset()[0] for env in envs])
    transform._reset(None, tensors(observation=observation))
    for call in range(N_CALLS):
        actions = drawn(N_LANES, call)
        results = [env.step(action)[:4] for env, action in zip(envs, actions, strict=True)]
        observation, reward, terminated, truncated = (np.array(column) for column in zip(*results, strict=True))
        following = tensors(
            observation=observation,
            reward=reward[:, None],
            terminated=terminated[:, None],
            truncated=truncated[:, None],
            done=(terminated | truncated)[:, None],
        )
        assert transform._step(tensors(action=actions), following) is following
        over = terminated | truncated
        for lane in np.flatnonzero(over):
            observation[lane] = envs[lane].reset()[0]
        if over.any():
            transform._reset(tensors(_reset=over[:, None]), tensors(observation=observation))
    transform.close()
    assert_lanes_are_lives(memory, n_lanes=N_LANES)


def test_torchrl_itself(memory: EpisodeRecorder) -> None:
    pytest.importorskip("torchrl")
    from torchrl.envs import GymWrapper, SerialEnv, TransformedEnv

    from recorder.wrappers.torchrl import RecordEpisode

    lanes = [
        lambda lane=lane: GymWrapper(CountingEnv(lane), categorical_action_encoding=True) for lane in range(N_LANES)
    ]
    env = TransformedEnv(SerialEnv(N_LANES, lanes), RecordEpisode(memory))
    env.rollout(N_CALLS, break_when_any_done=False)
    env.close()
    assert_lanes_are_lives(memory, n_lanes=N_LANES)


def test_rllib(memory: EpisodeRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_ray(monkeypatch)
    from ray.rllib.env.single_agent_episode import SingleAgentEpisode

    from recorder.wrappers.rllib import recorder_callback

    callback = recorder_callback(memory)()
    env, runner = CountingEnv(), SimpleNamespace(worker_index=0)
    for call in range(N_CALLS // 4):
        episode = SingleAgentEpisode()
        observation, info = env.reset()
        episode.add_env_reset(observation=observation, infos=info)
        known = {"env_runner": runner, "env": env, "env_index": 0}
        callback.on_episode_start(episode=episode, **known)
        while not episode.is_done:
            action = int(drawn(1, call + episode.t)[0])
            observation, reward, terminated, truncated, info = env.step(action)
            episode.add_env_step(observation, action, reward, info, terminated=terminated, truncated=truncated)
            callback.on_episode_step(episode=episode, **known)
            if episode.t == 2 and not episode.is_done:
                episode = episode.cut(len_lookback_buffer=1)  # as a runner does between two samples
        callback.on_episode_end(episode=episode, **known)
    callback.close()
    assert_lanes_are_lives(memory, n_lanes=1)


def test_rllib_of_several_agents(memory: EpisodeRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_for_ray(monkeypatch)
    from ray.rllib.env.multi_agent_episode import MultiAgentEpisode

    from recorder.wrappers.rllib import recorder_callback

    lives = {"a": range(3), "b": range(5), "c": range(2, 5)}  # the steps in which each acts

    def seen(step: int) -> dict[str, Any]:
        """What the agents see after a step: those who acted, and one that joins."""
        return {
            it: np.array([ord(it), step], np.float32)
            for it, life in lives.items()
            if step in life or step + 1 == life[0]
        }

    callback = recorder_callback(memory)()
    known = {"env_runner": SimpleNamespace(worker_index=0), "env": None, "env_index": 1}
    for _ in range(2):
        episode = MultiAgentEpisode()
        start = {it: np.array([ord(it), -1], np.float32) for it in "ab"}
        episode.add_env_reset(observations=start, infos={})
        callback.on_episode_start(episode=episode, **known)
        for step in range(5):
            actions = {it: step % 2 for it, life in lives.items() if step in life}
            is_last = step == 4
            episode.add_env_step(
                seen(step),
                actions,
                {it: float(step) for it in actions},
                {},
                terminateds={"__all__": False, **({"a": True} if step == 2 else {})},
                truncateds={"__all__": is_last},
            )
            callback.on_episode_step(episode=episode, **known)
            if step == 1:
                episode = episode.cut()
        callback.on_episode_end(episode=episode, **known)
    callback.close()
    recorded = close_and_read(memory)
    assert len(recorded) == 2
    for ended in recorded.values():
        assert (ended.metadata.status, ended.metadata.lane, ended.episode.n_steps) == ("complete", 1, 5)
        found = {it.agent_id: it for it in ended.metadata.agents}
        assert {it: (one.first_step, one.n_steps, one.outcome) for it, one in found.items()} == {
            "a": (0, 3, "terminated"),
            "b": (0, 5, "truncated"),
            "c": (2, 3, "truncated"),
        }
        for it, one in found.items():
            columns = agent_columns(ended.episode.columns(), one)
            steps = list(lives[it])
            assert columns["extras.observation"][steps].tolist() == [[ord(it), step] for step in steps]
            assert columns["action"][steps].tolist() == [step % 2 for step in steps]
            assert one.return_ == sum(steps)


def test_jax(memory: EpisodeRecorder) -> None:
    """What a scan stacks is a rollout; the callback form gets it out of a loop that is compiled whole."""
    jax = pytest.importorskip("jax")
    from jax.experimental import io_callback

    lengths = jax.numpy.array([3, 4])

    def update(state: Any, _: Any) -> Any:
        def step(count: Any, _: Any) -> Any:
            count = count + 1
            done = count == lengths
            rollout = {
                "observation": count.astype(float)[:, None],
                "action": count % 3,
                "reward": 1.0 * count,
                "done": done,
            }
            return jax.numpy.where(done, 0, count), rollout

        state, rollout = jax.lax.scan(step, state, None, length=5)
        io_callback(record, None, rollout, ordered=True)
        return state, None

    def record(rollout: Any) -> None:
        nothing = np.zeros((*rollout["reward"].shape, 0), np.float32)
        memory.record_rollout(
            nothing,
            nothing,
            rollout["action"],
            rollout["reward"],
            terminated=rollout["done"],
            extras={"observation": rollout["observation"]},
        )

    jax.jit(lambda state: jax.lax.scan(update, state, None, length=4))(jax.numpy.zeros(2, int))[0].block_until_ready()
    jax.effects_barrier()
    episodes = close_and_read(memory)
    whole = {number: ended for number, ended in episodes.items() if ended.metadata.status == "complete"}
    assert [ended.metadata.n_steps for _, ended in sorted(whole.items())].count(3) == 6
    for ended in whole.values():
        expected = list(range(1, ended.metadata.n_steps + 1))
        assert ended.episode.column("extras.observation").ravel().tolist() == expected
        assert ended.episode.column("reward").tolist() == expected


def test_gymnax_itself(memory: EpisodeRecorder) -> None:
    """With ``step_env`` and ``reset_env``, as docs/stacks.md has it: each episode has its true last observation."""
    jax, gymnax = pytest.importorskip("jax"), pytest.importorskip("gymnax")
    env, params = gymnax.make("CartPole-v1")

    def step(carry: Any, _: Any) -> Any:
        key, state = carry
        key, *keys = jax.random.split(key, 4)
        of_lanes = [jax.random.split(one, N_LANES) for one in keys[1:]]
        action = jax.random.randint(keys[0], (N_LANES,), 0, 2)
        reached, after, reward, *flags, _ = jax.vmap(env.step_env, (0, 0, 0, None))(of_lanes[0], state, action, params)
        done = flags[0] if len(flags) == 1 else flags[0] | flags[1]
        _, fresh = jax.vmap(env.reset_env, (0, None))(of_lanes[1], params)
        state = jax.tree.map(lambda new, old: jax.numpy.where(done, new, old), fresh, after)
        return (key, state), {"observation": reached, "action": action, "reward": reward, "done": done}

    @jax.jit
    def play(key: Any) -> Any:
        _, state = jax.vmap(env.reset_env, (0, None))(jax.random.split(key, N_LANES), params)
        return jax.lax.scan(step, (key, state), None, length=5 * N_CALLS)[1]

    rollout = {name: np.asarray(values) for name, values in play(jax.random.PRNGKey(1)).items()}
    nothing = np.zeros((*rollout["done"].shape, 0), np.float32)
    memory.record_rollout(
        nothing,
        nothing,
        rollout["action"],
        rollout["reward"],
        terminated=rollout["done"],
        extras={"observation": rollout["observation"]},
    )
    by_lane: dict[int, list[Any]] = {}
    for _, ended in sorted(close_and_read(memory).items()):
        by_lane.setdefault(ended.metadata.lane, []).append(ended.episode)
    for lane, episodes in by_lane.items():
        assert len(episodes) > 3
        for name in ("observation", "action", "reward"):
            column = name if name != "observation" else "extras.observation"
            found = np.concatenate([episode.column(column) for episode in episodes])
            np.testing.assert_array_equal(found, rollout[name][:, lane])
        ends = np.cumsum([episode.n_steps for episode in episodes])[:-1] - 1
        assert np.flatnonzero(rollout["done"][:-1, lane]).tolist() == ends.tolist()


def test_lanes_count_their_episodes_whatever_order_they_step_in(memory: EpisodeRecorder) -> None:
    with pytest.raises(UsageError, match="run_id: goes with a URL"):
        LaneSteps(memory, run_id="run")
    with pytest.raises(UsageError, match="first_lane: expected 0 or more"):
        LaneSteps(None, first_lane=-1)
    assert named_leaves("observation", {"a": np.zeros(2), "b": (np.ones(1), "text")}).keys() == {
        "observation.a",
        "observation.b.0",
    }
    steps = LaneSteps(memory, first_lane=5, first_episode_id=100, config={"env_id": "Any", "action_names": ["a"]})
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
    assert zero.metadata.info == {"env_id": "Any", "note": 1}
    assert not zero.episode.has_column("extras.observation")  # more than 4 KiB
    assert zero.episode.column("extras.action.x").tolist() == [2]
