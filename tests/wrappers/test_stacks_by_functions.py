"""TorchRL, RLlib and JAX give the same recordings as a loop by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recorder.agents.columns import agent_columns
from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeStatus
from tests.capture.recorded import close_and_read
from tests.wrappers.conformance import assert_are_lives, assert_lanes_are_lives
from tests.wrappers.counting_env import CountingEnv, recorded_by_lane
from tests.wrappers.doubles import stand_in_for_ray, stand_in_for_torchrl
from tests.wrappers.stack_lanes import N_CALLS, N_LANES, drawn


def test_torchrl(memory: EpisodeRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transform sees a step before its lanes are reset, and the reset of those whose episode is over after it."""
    stand_in_for_torchrl(monkeypatch)
    from tensordict import TensorDict

    from recorder.wrappers.torchrl import RecordEpisode

    environment = SimpleNamespace(base_env=SimpleNamespace(_env=CountingEnv()))
    monkeypatch.setattr(RecordEpisode, "container", environment)
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
    assert_lanes_are_lives(memory, n_lanes=N_LANES, env_id="CountingEnv")


def test_torchrl_names_an_environment_of_gymnasium(memory: EpisodeRecorder) -> None:
    pytest.importorskip("torchrl")
    from torchrl.envs import Compose, GymEnv, StepCounter, TransformedEnv

    from recorder.wrappers.torchrl import RecordEpisode

    env = TransformedEnv(GymEnv("CartPole-v1"), Compose(StepCounter(), RecordEpisode(memory)))
    env.rollout(9)
    env.close()
    (metadata,) = (ended.metadata for ended in close_and_read(memory).values())
    assert metadata.info["env_id"] == "CartPole-v1"
    assert metadata.info["observation_names"][2] == "angle"
    assert metadata.action_names == ("push left", "push right")


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
    stopped: list[bool] = []
    env, runner = CountingEnv(), SimpleNamespace(worker_index=0, stop=lambda: stopped.append(True))
    for call in range(N_CALLS // 4 - 1):
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
    episode = SingleAgentEpisode()
    observation, info = env.reset()
    episode.add_env_reset(observation=observation, infos=info)
    callback.on_episode_start(episode=episode, **known)
    observation, reward, terminated, truncated, info = env.step(0)
    episode.add_env_step(observation, 0, reward, info, terminated=terminated, truncated=truncated)
    callback.on_episode_step(episode=episode, **known)
    runner.stop()
    assert stopped
    by_lane = recorded_by_lane(memory, n_lanes=1)
    assert by_lane[0][-1].metadata.status == EpisodeStatus.TRUNCATED  # the runner's stop ended it
    assert_are_lives(by_lane)


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
