"""Vector environments: each lane's episodes are those that its environment would have lived alone, in every autoreset mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, VectorWrapper
from gymnasium.wrappers.vector import DictInfoToList

from recorder.capture import EpisodeRecorder
from recorder.episode import EpisodeStatus
from recorder.wrappers import AutoSeed
from recorder.wrappers.vector import RecordEpisode
from tests.capture.recorded import Ended, close_and_read
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv, episode_length, recorded_by_lane
from tests.wrappers.vector_lanes import N_CALLS, N_LANES, Make, counting_lanes, play, sync_env, vectorizers

modes = pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.value)


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
