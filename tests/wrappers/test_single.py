"""One environment: what is recorded, what is added, and what a failure costs."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.wrappers import Autoreset

from recorder.capture import EpisodeRecorder
from recorder.episode import Substrate
from recorder.errors import UsageError
from recorder.step_stream import RedisStepStream
from recorder.wrappers import AutoSeed, RecordEpisode, describe_environment
from tests.capture.recorded import Ended, close_and_read, finished_episodes
from tests.processes import run_python
from tests.wrappers.counting_env import N_ACTIONS, CountingEnv, episode_length


def memory_recorder(*, strict: bool = True) -> EpisodeRecorder:
    return EpisodeRecorder(strict=strict, sender="thread")


def play(env: gymnasium.Env[Any, Any], n_episodes: int) -> None:
    """Whole episodes with random actions."""
    env.action_space.seed(1)
    for _ in range(n_episodes):
        env.reset()
        is_over = False
        while not is_over:
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            is_over = terminated or truncated


def assert_is_episode(ended: Ended, number: int) -> None:
    length = episode_length(0, number)
    read = ended.episode.column
    assert read("extras.observation")[:, 1:3].tolist() == [[number, step] for step in range(1, length + 1)]
    assert read("extras.observation")[:, 3].tolist() == read("action").tolist()
    assert read("done").tolist() == [False] * (length - 1) + [True]
    assert read("terminated")[-1] == (number % 2 == 0)
    assert read("truncated")[-1] == (number % 2 == 1)
    assert read("action_masks").sum(axis=1).tolist() == [N_ACTIONS - step for step in range(length)]
    assert ended.metadata.info["reset_observation"] == [0, number, 0, -1]
    assert ended.metadata.total_reward == sum(range(length + 1))
    assert ended.metadata.substrate == Substrate("aspatial", 0)


def test_every_step_of_every_episode_is_recorded() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(CountingEnv(), recorder, first_episode_id=7, lane=2)
    play(env, 6)
    env.close()
    episodes = close_and_read(recorder)
    assert sorted(episodes) == list(range(7, 13))
    for number in range(6):
        assert_is_episode(episodes[7 + number], number)
        assert episodes[7 + number].metadata.lane == 2


def test_wrappers_and_rollouts_that_share_a_recorder_never_share_an_episode() -> None:
    recorder = memory_recorder()
    training, evaluation = (RecordEpisode(CountingEnv(lane), recorder) for lane in (0, 1))
    play(training, 1)
    training.reset()
    training.step(1)
    play(evaluation, 2)
    training.step(2)
    nothing = np.zeros((4, 2, 0))
    ids = recorder.record_rollout(nothing, nothing, nothing, np.ones((4, 2)), terminated=np.eye(4, 2, k=-1, dtype=bool))
    training.close()
    assert_is_episode((episodes := close_and_read(recorder))[0], 0)
    assert [episodes[number].metadata.n_steps for number in (1, 2, 3)] == [
        2,
        episode_length(1, 0),
        episode_length(1, 1),
    ]
    assert sorted(set(ids.ravel().tolist())) == [4, 5, 6, 7]
    assert all(not ended.gaps for ended in episodes.values())


def test_an_environment_that_resets_itself_is_recorded_without_its_reset_steps() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(Autoreset(CountingEnv()), recorder)
    env.reset()
    for _ in range(40):
        env.step(env.action_space.sample())
    env.close()
    episodes = close_and_read(recorder)
    assert len(episodes) > 8
    for number in range(8):
        assert_is_episode(episodes[number], number)


def test_episodes_have_the_seeds_that_they_were_reset_with() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(CountingEnv(), recorder)
    env.reset(seed=11)
    env.step(0)
    env.reset()  # goes on with the random numbers of before: nobody knows a seed
    env.step(0)
    env.close()
    assert [ended.metadata.info.get("seed") for ended in close_and_read(recorder).values()] == [11, None]


def test_autoseed_gives_every_reset_a_seed_that_follows_from_the_last_one_given() -> None:
    def seeds(first: int | None) -> list[int]:
        env = AutoSeed(CountingEnv())
        told = []
        for seed in (first, None, None):
            _, info = env.reset(seed=seed)
            assert env.last_reset.seed == env.unwrapped.np_random_seed
            assert info.keys() == env.step(0)[-1].keys()  # a collector that stacks them finds the same in each
            told.append(env.last_reset.seed)
        return told

    assert seeds(5) == seeds(5) != seeds(6)
    assert seeds(5)[0] == 5
    assert len(set(seeds(None) + seeds(None))) == 6
    env = AutoSeed(CountingEnv())
    env.reset(options={"recorder_autoseed": False})
    assert env.last_reset.seed is None


class Lives(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Ends an episode at every second step, and goes on in the same game at the next reset."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._last: Any = None

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        return (self._last[0], {}) if self._last is not None else self.env.reset(**arguments)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self._last = self.env.step(action)
        return *self._last[:2], self._last[0][2] % 2 == 0, False, {}


def test_an_episode_within_a_game_has_no_seed_and_says_so() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(Lives(AutoSeed(CountingEnv(lane=3))), recorder)
    play(env, 2)
    env.close()
    first, second = close_and_read(recorder).values()
    assert first.metadata.info["seed"] is not None
    assert "is_within_game" not in first.metadata.info
    assert (second.metadata.info.get("seed"), second.metadata.info["is_within_game"]) == (None, True)


def test_what_the_trainer_adds_goes_with_the_next_step() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(
        CountingEnv(),
        recorder,
        step_fn=lambda *, env, obs, rew, terminated, **_: {
            "position": obs[1:3],
            "meters": [rew, float(terminated)],
            "lane_of_env": env.unwrapped._lane,
        },
        episode_fn=lambda *, info, episode_id, **_: {
            "info": {"last": info["episode_of_lane"]},
            "affordance_visits": {"Bed": episode_id},
        },
    )
    env.reset()
    env.get_wrapper_attr("extras")(q_values=[1.0, 2.0], epsilon=0.5, stage=3, action_masks=[True, False], mood=9)
    env.step(1)
    env.close()
    ended = close_and_read(recorder)[0]
    step = ended.episode.step(0)
    assert (step.q_values, step.epsilon, step.action_masks) == ((1.0, 2.0), 0.5, (True, False))
    assert (step.position, step.meters) == ((0.0, 1.0), (1.0, 1.0))
    assert (step.extras["mood"], step.extras["lane_of_env"]) == (9, 0)
    assert ended.metadata.curriculum_stage == 3
    assert ended.metadata.info["last"] == 0
    assert ended.metadata.affordance_visits == {"Bed": 0}
    assert ended.metadata.substrate is None


def test_triggers_keep_episodes() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(
        CountingEnv(),
        recorder,
        episode_trigger=lambda episode_id: episode_id == 1,
        step_trigger=lambda step: step in (1, 5),  # episodes have 1, 3, 1, 3, … steps
    )
    play(env, 4)
    env.close()
    kept = {episode_id: list(ended.body["manual"]) for episode_id, ended in close_and_read(recorder).items()}
    assert kept == {0: ["step_trigger"], 1: ["episode_trigger"], 2: ["step_trigger"], 3: []}


def test_a_function_that_fails_costs_what_it_would_have_given() -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("mine")

    recorder = memory_recorder(strict=False)
    env = RecordEpisode(
        CountingEnv(), recorder, step_fn=fails, episode_fn=fails, episode_trigger=fails, step_trigger=fails
    )
    play(env, 2)
    env.close()
    episodes = close_and_read(recorder)
    for number in range(2):
        assert_is_episode(episodes[number], number)
    assert recorder.stats().n_errors == 4 + 2 + 2 + 4
    assert recorder.stats().n_refused_steps == 0


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        ({"step_fn": lambda **_: None}, "step_fn: expected a map of what to record, found NoneType"),
        ({"step_fn": lambda **_: [1]}, "step_fn: expected a map of what to record, found list"),
        ({"episode_fn": lambda **_: None}, "episode_fn: expected a map of what to record, found NoneType"),
        ({"episode_fn": lambda **_: {"info": 1}}, "episode_fn: info: expected a map, found int"),
        ({"episode_trigger": lambda _: np.ones(2)}, "ambiguous"),
        ({"step_trigger": lambda _: np.ones(2)}, "ambiguous"),
    ],
)
def test_a_function_that_gives_nonsense_costs_what_it_would_have_given(functions: dict[str, Any], said: str) -> None:
    recorder = memory_recorder(strict=False)
    env = RecordEpisode(Autoreset(CountingEnv()), recorder, **functions)
    env.reset()
    for _ in range(20):
        env.step(0)
    env.close()
    episodes = close_and_read(recorder)
    assert said in recorder.stats().last_error
    assert recorder.stats().n_refused_steps == 0
    for number in range(4):
        assert_is_episode(episodes[number], number)


@pytest.mark.parametrize("stage", [2.5, float("nan"), "second", [1, 2]])
def test_a_stage_that_is_no_whole_number_costs_itself_alone(stage: Any) -> None:
    recorder = memory_recorder(strict=False)
    env = RecordEpisode(CountingEnv(), recorder)
    env.extras(stage=stage)
    play(env, 2)
    env.close()
    episodes = close_and_read(recorder)
    for number in range(2):
        assert_is_episode(episodes[number], number)
    assert "stage" in recorder.stats().last_error or "one number" in recorder.stats().last_error
    assert recorder.stats().n_refused_steps == 0


def test_a_stage_may_come_as_any_whole_number() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(CountingEnv(), recorder)
    for stage in (1.0, np.int64(2), torch.tensor(3), np.array([4])):
        env.extras(stage=stage)
        play(env, 1)
    env.close()
    assert [ended.metadata.curriculum_stage for ended in close_and_read(recorder).values()] == [1, 2, 3, 4]


def test_none_is_no_value() -> None:
    recorder = memory_recorder()
    env = RecordEpisode(CountingEnv(), recorder)
    env.reset()
    env.extras(position=None, q_values=None, action_masks=None, stage=None, mood=None)
    env.step(0)
    env.close()
    (ended,) = close_and_read(recorder).values()
    assert ended.metadata.substrate == Substrate("aspatial", 0)
    assert not ended.episode.has_column("action_masks")


def test_a_mask_that_the_environment_changes_in_place_is_that_of_before_the_action() -> None:
    class InPlace(CountingEnv):
        mask = np.zeros(N_ACTIONS, bool)
        info: dict[str, Any] = {"action_mask": mask}  # noqa: RUF012 - one object for all, which is what is tested

        def _info(self) -> dict[str, Any]:
            self.mask[:] = np.arange(N_ACTIONS) >= self._step
            self.info["episode_of_lane"] = self._episode
            return self.info

    recorder = memory_recorder()
    env = RecordEpisode(InPlace(), recorder)
    play(env, 4)
    env.close()
    for number, ended in close_and_read(recorder).items():
        assert_is_episode(ended, number)


def test_an_environment_that_tells_no_info_is_recorded_all_the_same() -> None:
    class Silent(CountingEnv):
        def _info(self) -> Any:
            return None

    recorder = memory_recorder(strict=False)
    env = RecordEpisode(Silent(), recorder)
    play(env, 2)
    env.close()
    episodes = close_and_read(recorder)
    assert [ended.metadata.n_steps for ended in episodes.values()] == [episode_length(0, 0), episode_length(0, 1)]
    assert recorder.stats().n_errors > 0


def test_a_strict_recorder_raises_what_a_function_raises() -> None:
    def fails(**_: Any) -> Any:
        raise RuntimeError("mine")

    with memory_recorder() as recorder:
        env = RecordEpisode(CountingEnv(), recorder, step_fn=fails)
        env.reset()
        with pytest.raises(RuntimeError, match="mine"):
            env.step(0)


def test_a_step_behind_the_end_is_counted_and_told() -> None:
    recorder = memory_recorder(strict=False)
    env = RecordEpisode(CountingEnv(), recorder)
    play(env, 1)
    env.step(0)
    play(env, 1)
    env.close()
    assert recorder.stats().n_refused_steps == 1
    assert "call reset() first" in recorder.stats().last_error
    assert len(close_and_read(recorder)) == 2


class LargeEnv(gymnasium.Env[Any, Any]):
    """Its observations are no pictures, and too large to be recorded unasked."""

    observation_space = spaces.Box(0, 255, (7056,), "uint8")
    action_space = spaces.Box(-1, 1, (3,), "float32")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, True, False, {}


@pytest.mark.parametrize("choice", [None, False, True])
def test_large_observations_are_recorded_when_they_are_asked_for(
    choice: bool | None, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = memory_recorder()
    env = RecordEpisode(LargeEnv(), recorder, record_observations=choice)
    assert ("7,056 bytes a step are left out" in caplog.text) == (choice is None)
    play(env, 1)
    env.close()
    ended = close_and_read(recorder)[0]
    assert ended.episode.column("action").shape == (1, 3)
    assert ended.episode.has_column("extras.observation") == bool(choice)
    assert "reset_observation" not in ended.metadata.info


def test_a_url_makes_a_recorder_that_knows_the_environment(redis_url: str) -> None:
    env = RecordEpisode(AutoSeed(gymnasium.make("CartPole-v1")), redis_url, run_id="by-url")
    play(env, 2)
    env.close()
    stream = RedisStepStream(redis_url, purpose="worker")
    episodes = finished_episodes(stream, "by-url")
    config = stream.run_info("by-url").info["config"]
    stream.close()
    assert [ended.metadata.info["env_id"] for ended in episodes.values()] == ["CartPole-v1"] * 2
    assert config["env_spec"]["id"] == config["env_id"] == "CartPole-v1"
    assert config["gymnasium"] == gymnasium.__version__


def test_a_description_is_json_and_makes_the_environment_again() -> None:
    with gymnasium.make("CartPole-v1", max_episode_steps=7) as env:
        description = json.loads(json.dumps(describe_environment(env)))
    spec = gymnasium.envs.registration.EnvSpec.from_json(json.dumps(description["env_spec"]))
    assert spec.max_episode_steps == 7
    assert "env_spec" not in describe_environment(CountingEnv())


class NoCopies:
    def __deepcopy__(self, memo: Any) -> Any:
        raise RuntimeError("there is one of it")


@pytest.mark.parametrize(
    "arguments",
    [{"entry_point": "own:Env", "kwargs": {"world": NoCopies()}}, {"entry_point": partial(CountingEnv, 1)}],
    ids=["no_copies", "no_name"],
)
def test_what_cannot_be_written_costs_a_description_its_spec(arguments: dict[str, Any]) -> None:
    env = CountingEnv()
    env.spec = gymnasium.envs.registration.EnvSpec("Own-v0", **arguments)
    description = describe_environment(env)
    assert description["env_id"] == "Own-v0"
    assert "env_spec" not in description


def test_an_environment_that_is_made_from_the_spec_again_is_not_recorded() -> None:
    with memory_recorder() as recorder, gymnasium.make("CartPole-v1") as bare:
        env = RecordEpisode(bare, recorder)
        assert env.spec == bare.spec
        assert not isinstance(gymnasium.make(env.spec), RecordEpisode)


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="lane: expected 0 or more, found -1"):
        RecordEpisode(CountingEnv(), None, lane=-1)


def test_where_gymnasium_is_missing_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['gymnasium'] = None; import recorder.wrappers"
    status, output = run_python(["-c", code])
    assert status == 1
    assert "pip install 'hamlet-recorder[gymnasium]'" in output


def test_masks_of_a_composite_action_space_are_left_out() -> None:
    class Composite(CountingEnv):
        action_space = spaces.MultiDiscrete([N_ACTIONS, 2])

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            return super().step(action[0])

        def _info(self) -> dict[str, Any]:
            return {"action_mask": (np.ones(N_ACTIONS, np.int8), np.ones(2, np.int8))}

    recorder = memory_recorder()
    env = RecordEpisode(Composite(), recorder)
    play(env, 2)
    env.close()
    for ended in close_and_read(recorder).values():
        assert ended.episode.column("action").shape == (ended.metadata.n_steps, 2)
        assert not ended.episode.has_column("action_masks")
