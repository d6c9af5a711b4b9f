"""Vector environments: each lane's episodes are those that its environment would have lived alone, in every autoreset mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper
from gymnasium.wrappers import TransformReward
from gymnasium.wrappers.vector import DictInfoToList

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from recorder.step_stream import RedisStepStream
from recorder.wrappers import AutoSeed, describe_environment
from recorder.wrappers.vector import RecordEpisode
from tests.capture.recorded import Ended, close_and_read, finished_episodes
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv, episode_length, recorded_by_lane

N_LANES = 5
N_CALLS = 40

Make = Callable[[list[Callable[[], gymnasium.Env[Any, Any]]], AutoresetMode], VectorEnv[Any, Any, Any]]


def sync_env(makers: list[Callable[[], gymnasium.Env[Any, Any]]], mode: AutoresetMode) -> VectorEnv[Any, Any, Any]:
    return SyncVectorEnv(makers, autoreset_mode=mode)


def async_env(makers: list[Callable[[], gymnasium.Env[Any, Any]]], mode: AutoresetMode) -> VectorEnv[Any, Any, Any]:
    return AsyncVectorEnv(
        makers, autoreset_mode=mode, context="forkserver"
    )  # a fork would take other threads' locks along


modes = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)
vectorizers = pytest.mark.parametrize("vectorize", [sync_env, async_env])


def counting_lanes(n_lanes: int = N_LANES) -> list[Callable[[], gymnasium.Env[Any, Any]]]:
    return [partial(CountingEnv, lane) for lane in range(n_lanes)]


def play(envs: RecordEpisode[Any, Any, Any], mode: AutoresetMode, *, n_calls: int = N_CALLS, seed: int = 3) -> None:
    """Random actions; lanes whose episodes are over are reset where they don't do that themselves."""
    envs.action_space.seed(seed)
    envs.reset(seed=seed)
    for _ in range(n_calls):
        _, _, terminations, truncations, _ = envs.step(envs.action_space.sample())
        over = terminations | truncations
        if mode is AutoresetMode.DISABLED and over.any():
            envs.reset(options={"reset_mask": over})


def assert_is_episode(ended: Ended, lane: int, number: int) -> None:
    """What was recorded is the whole life of the counting environment."""
    length = episode_length(lane, number)
    is_even = number % 2 == 0
    episode = ended.episode
    observations = episode.column("extras.observation")
    steps = np.arange(1, length + 1)
    assert observations[:, :3].tolist() == [[lane, number, step] for step in steps.tolist()]
    assert observations[:, 3].tolist() == episode.column("action").tolist()
    assert episode.column("reward").tolist() == steps.tolist()
    assert episode.column("done").tolist() == [False] * (length - 1) + [True]
    assert episode.column("terminated").tolist() == [False] * (length - 1) + [is_even]
    assert episode.column("truncated").tolist() == [False] * (length - 1) + [not is_even]
    assert episode.column("action_masks").sum(axis=1).tolist() == [N_ACTIONS - step for step in range(length)]
    assert ended.metadata.info["reset_observation"] == [lane, number, 0, -1]
    assert ended.metadata.status == EpisodeStatus.COMPLETE
    assert ended.metadata.total_reward == steps.sum()
    assert ended.gaps == []


@vectorizers
@modes
def test_every_lane_is_recorded_as_it_would_have_lived_alone(vectorize: Make, mode: AutoresetMode) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(vectorize(counting_lanes(), mode), recorder)
    play(envs, mode)
    envs.close()
    for lane, episodes in enumerate(recorded_by_lane(recorder, n_lanes=N_LANES)):
        *complete, last = episodes
        assert len(complete) >= 8
        for number, ended in enumerate(complete):
            assert_is_episode(ended, lane, number)
        # The last one may have been open when the environment was closed.
        if last.metadata.status == EpisodeStatus.COMPLETE:
            assert_is_episode(last, lane, len(complete))
        else:
            assert last.episode.column("extras.observation")[:, 1].tolist() == [len(complete)] * last.metadata.n_steps


@vectorizers
@modes
def test_with_autoseed_every_episode_can_be_played_again_from_its_seed_and_actions(
    vectorize: Make, mode: AutoresetMode
) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    lanes = [lambda: AutoSeed(gymnasium.make("CartPole-v1", max_episode_steps=30)) for _ in range(3)]
    envs = RecordEpisode(vectorize(lanes, mode), recorder)
    play(envs, mode, n_calls=120)
    envs.close()
    with gymnasium.make("CartPole-v1", max_episode_steps=30) as alone:
        episodes = [ended for lane in recorded_by_lane(recorder, n_lanes=3) for ended in lane]
        assert len(episodes) > 6
        assert len({ended.metadata.info["seed"] for ended in episodes}) == len(episodes)
        for ended in episodes:
            observation, _ = alone.reset(seed=ended.metadata.info["seed"])
            assert ended.metadata.info["reset_observation"] == observation.tolist()
            for action, recorded in zip(
                ended.episode.column("action"), ended.episode.column("extras.observation"), strict=True
            ):
                observation, _, terminated, truncated, _ = alone.step(action)
                assert observation.tolist() == recorded.tolist()
            assert (terminated or truncated) == (ended.metadata.status == EpisodeStatus.COMPLETE)


def test_what_the_environment_returns_stays_as_it_is() -> None:
    mode = AutoresetMode.SAME_STEP
    bare = sync_env(counting_lanes(), mode)
    with EpisodeRecorder(strict=True, sender="thread") as recorder:
        recorded = RecordEpisode(sync_env(counting_lanes(), mode), recorder)
        assert recorded.reset()[0].tolist() == bare.reset()[0].tolist()
        for _ in range(N_CALLS):
            actions = bare.action_space.sample()
            *ours, our_infos = recorded.step(actions)
            *theirs, their_infos = bare.step(actions)
            np.testing.assert_equal(ours, theirs)
            assert repr(our_infos) == repr(their_infos)


def test_values_of_the_trainer_go_with_the_lanes_that_are_played() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(
        sync_env(counting_lanes(), AutoresetMode.NEXT_STEP),
        recorder,
        first_lane=10,
        first_episode_id=100,
        step_fn=lambda *, obs, rew, **_: {"position": obs[:, 1:3], "meters": rew[:, None]},
        episode_fn=lambda *, info, episode_id, lane, **_: {
            "info": {"episode_of_lane": info["episode_of_lane"], "told": [episode_id, lane]}
        },
    )
    envs.reset()
    for call in range(N_CALLS):
        envs.extras(q_values=np.full((N_LANES, 2), call), epsilon=call / 100, stage=2 + call // 20, call=call)
        envs.step(envs.action_space.sample())
    envs.close()
    episodes = close_and_read(recorder)
    assert set(episodes) == set(range(100, 100 + len(episodes)))
    for episode_id, ended in episodes.items():
        read = ended.episode.column
        lane, number = read("extras.observation")[0, :2].tolist()
        assert ended.metadata.lane == 10 + lane
        assert read("position").tolist() == read("extras.observation")[:, 1:3].tolist()
        assert read("meters")[:, 0].tolist() == read("reward").tolist()
        assert read("q_values")[:, 1].tolist() == read("extras.call").tolist()
        assert np.allclose(read("epsilon"), read("extras.call") / 100)
        assert ended.metadata.info["episode_of_lane"] == number
        assert ended.metadata.info["told"] == [episode_id, 10 + lane]
        assert ended.metadata.substrate is None
        if ended.metadata.status == EpisodeStatus.COMPLETE:
            assert ended.metadata.curriculum_stage == 2 + read("extras.call")[-1] // 20


def test_a_stage_may_differ_between_lanes() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(sync_env(counting_lanes(), AutoresetMode.SAME_STEP), recorder)
    envs.extras(stage=np.arange(1, N_LANES + 1))
    play(envs, AutoresetMode.SAME_STEP)
    envs.close()
    for lane, episodes in enumerate(recorded_by_lane(recorder, n_lanes=N_LANES)):
        assert {ended.metadata.curriculum_stage for ended in episodes} == {lane + 1}


def fails(**_: Any) -> Any:
    raise RuntimeError("mine")


class SilentEnd(VectorWrapper[Any, Any, Any, Any, Any]):
    """Does not tell the last observations."""

    def step(self, actions: Any) -> Any:
        *result, infos = super().step(actions)
        return *result, {name: values for name, values in infos.items() if "final" not in name}


@modes
@pytest.mark.parametrize(
    "trouble",
    [
        {"step_fn": fails},
        {"step_fn": lambda **_: None},
        {"step_fn": lambda **_: {"ragged": [[1], [2, 3]]}},
        {"step_fn": lambda **_: {"stage": [1, 2]}},
        {"step_fn": lambda **_: {"stage": 2.5}},
        {"episode_fn": fails},
        {"episode_fn": lambda **_: None},
        {"episode_fn": lambda **_: {"info": 1}},
        {"episode_trigger": lambda _: np.ones(2)},
        {"step_trigger": lambda _: np.ones(2)},
        {"below": DictInfoToList},
        {"below": SilentEnd},
    ],
)
def test_whatever_fails_every_step_is_recorded_and_no_episode_runs_into_the_next(
    mode: AutoresetMode, trouble: dict[str, Any]
) -> None:
    recorder = EpisodeRecorder(sender="thread")
    below, functions = trouble.get("below", lambda envs: envs), {**trouble}
    functions.pop("below", None)
    envs = RecordEpisode(below(sync_env(counting_lanes(), mode)), recorder, **functions)
    play(envs, mode)
    envs.close()
    by_lane = recorded_by_lane(recorder, n_lanes=N_LANES)
    assert recorder.stats().n_missing_steps == 0
    assert (recorder.stats().n_errors > 0) == (below is not SilentEnd or mode is AutoresetMode.SAME_STEP)
    for lane, episodes in enumerate(by_lane):
        complete = [ended for ended in episodes if ended.metadata.status == EpisodeStatus.COMPLETE]
        assert len(episodes) - len(complete) <= 1
        for number, ended in enumerate(complete):
            assert ended.episode.column("reward").tolist() == list(range(1, episode_length(lane, number) + 1))
            assert ended.gaps == []


def test_one_number_may_be_anything_that_holds_one() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(sync_env(counting_lanes(1), AutoresetMode.NEXT_STEP), recorder)
    envs.reset()
    envs.extras(epsilon=torch.tensor(0.5, requires_grad=True), mood=np.float32(2), stage=torch.tensor(3), q_values=None)
    envs.step([1])
    envs.close()
    (ended,) = close_and_read(recorder).values()
    assert ended.episode.column("epsilon").tolist() == [0.5]
    assert ended.episode.column("extras.mood").tolist() == [2.0]
    assert ended.metadata.curriculum_stage == 3


def test_an_episode_whose_position_was_told_now_and_then_has_a_place() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(sync_env([partial(CountingEnv, 3)], AutoresetMode.NEXT_STEP), recorder)
    envs.reset()
    envs.extras(position=np.ones((1, 2)))
    for _ in range(episode_length(3, 0)):
        envs.step([1])
    envs.close()
    (ended,) = close_and_read(recorder).values()
    assert ended.metadata.substrate is None


def test_masks_that_the_environment_changes_in_place_are_those_of_before_the_actions() -> None:
    class InPlace(VectorWrapper[Any, Any, Any, Any, Any]):
        masks = np.zeros((N_LANES, N_ACTIONS), bool)

        def step(self, actions: Any) -> Any:
            *result, infos = super().step(actions)
            return *result, self._in_place(infos)

        def reset(self, **arguments: Any) -> Any:
            observations, infos = super().reset(**arguments)
            return observations, self._in_place(infos)

        def _in_place(self, infos: dict[str, Any]) -> dict[str, Any]:
            self.masks[:] = infos["action_mask"]
            return {**infos, "action_mask": self.masks}

    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(InPlace(sync_env(counting_lanes(), AutoresetMode.NEXT_STEP)), recorder)
    play(envs, AutoresetMode.NEXT_STEP)
    envs.close()
    for lane, episodes in enumerate(recorded_by_lane(recorder, n_lanes=N_LANES)):
        for number, ended in enumerate(episodes[:-1]):
            assert_is_episode(ended, lane, number)


@pytest.mark.parametrize(
    "convert",
    [
        lambda flags: flags.astype(np.float32),
        lambda flags: flags[:, None],
        lambda flags: flags.tolist(),
        torch.from_numpy,
    ],
    ids=["floats", "column", "list", "tensor"],
)
def test_flags_may_come_in_any_form(convert: Callable[[Any], Any]) -> None:
    class Converted(VectorWrapper[Any, Any, Any, Any, Any]):
        def step(self, actions: Any) -> Any:
            observations, rewards, terminations, truncations, infos = super().step(actions)
            return observations, rewards, convert(terminations), convert(truncations), infos

    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(Converted(sync_env(counting_lanes(), AutoresetMode.NEXT_STEP)), recorder)
    envs.reset()
    for _ in range(N_CALLS):
        envs.step(envs.action_space.sample())
    envs.close()
    for lane, episodes in enumerate(recorded_by_lane(recorder, n_lanes=N_LANES)):
        assert len(episodes) > 8
        for number, ended in enumerate(episodes[:-1]):
            assert_is_episode(ended, lane, number)


def test_keys_of_infos_that_are_no_texts_stop_nothing() -> None:
    class Numbered(CountingEnv):
        def _info(self) -> dict[Any, Any]:
            return {3: self._step, **super()._info()}

    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(sync_env([Numbered], AutoresetMode.NEXT_STEP), recorder)
    play(envs, AutoresetMode.NEXT_STEP)
    envs.close()
    for number, ended in enumerate(list(close_and_read(recorder).values())[:-1]):
        assert_is_episode(ended, 0, number)


def test_seeds_may_come_as_any_sequence() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(sync_env(counting_lanes(2), AutoresetMode.NEXT_STEP), recorder)
    envs.reset(seed=(7, None))  # type: ignore[arg-type]
    envs.step([1, 1])
    envs.close()
    assert [ended.metadata.info.get("seed") for ended in close_and_read(recorder).values()] == [7, None]


def test_triggers_keep_episodes() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(
        sync_env(counting_lanes(2), AutoresetMode.NEXT_STEP),
        recorder,
        episode_trigger=lambda episode_id: episode_id == 3,
        step_trigger=lambda call: call == 1,
    )
    play(envs, AutoresetMode.NEXT_STEP)
    envs.close()
    kept = {
        episode_id: ended.body["manual"]
        for episode_id, ended in close_and_read(recorder).items()
        if ended.body["manual"]
    }
    assert kept == {0: ["step_trigger"], 1: ["step_trigger"], 3: ["episode_trigger"]}


def test_a_reset_in_mid_episode_ends_it_as_truncated() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordEpisode(sync_env([partial(CountingEnv, 3)], AutoresetMode.NEXT_STEP), recorder)
    envs.reset()
    envs.step(np.array([1]))
    envs.reset()
    envs.reset()  # an episode without a step is none
    envs.step(np.array([1]))
    envs.close()
    episodes = close_and_read(recorder)
    assert [(ended.metadata.status, ended.metadata.n_steps) for ended in episodes.values()] == [("truncated", 1)] * 2
    assert list(episodes) == [0, 1]


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
