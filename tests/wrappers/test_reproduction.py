"""An episode that is played again comes out as it was recorded; where it doesn't, the first step that differs is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from examples.gymnasium_env import play_episodes
from recorder.capture import EpisodeRecorder
from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.wrappers import (
    AutoSeed,
    RecordEpisode,
    Reproduction,
    describe_environment,
    make_environment,
)
from recorder.wrappers.environment.description import changing_wrappers
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes
from tests.capture.recorded import close_and_read
from tests.command_line import Call
from tests.processes import run_python
from tests.video.decoding import facts_of, frames_of
from tests.wrappers.walking_env import ENV_ID, PICTURE, WINDY_ID, WalkingEnv
from worker import RecordingWriter

N_STEPS = 20


def record(
    env: gymnasium.Env[Any, Any], recorder: EpisodeRecorder, *, n_episodes: int = 1, seed: int | None = 3
) -> None:
    """Play and record with random actions, and close the environment."""
    env = RecordEpisode(env, recorder)
    play_episodes(env, n_episodes=n_episodes, seed=seed)
    env.close()


def recorded_walk(**arguments: Any) -> Episode:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    record(WalkingEnv(), recorder, **arguments)
    return close_and_read(recorder)[0].episode


def tampered_walk(step: int, **changed: Any) -> Episode:
    """A walk whose recording says something else of one step."""
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = WalkingEnv()
    env.action_space.seed(1)
    first, _ = env.reset(seed=1)
    for number in range(N_STEPS):
        action = env.action_space.sample()
        observation, reward, terminated, truncated, _ = env.step(action)
        values = {
            "reward": reward,
            "terminated": terminated,
            "truncated": truncated,
            "extras": {
                **{f"observation.{name}": value for name, value in observation.items()},
                **{f"action.{name}": value for name, value in action.items()},
            },
        }
        if number == step:
            values["extras"].update(changed.pop("extras", {}))
            values.update(changed)
        recorder.record_step(0, number, (), (), (), **values)
    info = {"seed": 1, **{f"reset_observation.{name}": value for name, value in first.items()}}
    recorder.finish_episode(0, {"info": info})
    return close_and_read(recorder)[0].episode


def test_an_episode_comes_out_as_it_was_recorded() -> None:
    episode = recorded_walk()
    reproduction = Reproduction(episode, WalkingEnv())
    assert reproduction.run() is None
    assert reproduction.n_steps == N_STEPS
    assert Reproduction(tampered_walk(-1), WalkingEnv()).run() is None


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"extras": {"action.thrust": np.array([0.5, 0.5], np.float32), "action.turn": 1}}, "reward"),
        ({"reward": 0.25}, "reward"),
        ({"terminated": True}, "terminated"),
        ({"extras": {"observation.count": 7}}, "observation.count"),
    ],
)
def test_the_step_that_was_tampered_with_is_the_first_that_differs(changed: dict[str, Any], what: str) -> None:
    divergence = Reproduction(tampered_walk(11, **changed), WalkingEnv()).run()
    assert divergence is not None
    assert (divergence.step, divergence.what) == (11, what)
    assert str(divergence).startswith(f"step 11: {what} was ")
    many = np.linspace(-1, 1, 16, dtype=np.float32) / 3
    assert "\n" not in str(replace(divergence, recorded=many, found=-many))


def test_another_environment_differs_from_where_it_is_another() -> None:
    episode = recorded_walk()
    windy = Reproduction(episode, WalkingEnv(wind=1.0 + 1e-9)).run()
    assert windy is not None
    assert windy.step == 0
    assert Reproduction(episode, WalkingEnv(wind=1.0 + 1e-9), tolerance=1e-6).run() is None

    class Elsewhere(WalkingEnv):
        def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
            super().reset(**arguments)
            self._place = self._place + 1
            return self._observation(), {}

    begun = Reproduction(episode, Elsewhere()).run()
    assert begun is not None
    assert begun.step is None
    assert str(begun).startswith("the first observation: observation.place was [")
    told = json.loads(json.dumps(asdict(begun)))
    assert np.allclose(np.subtract(told["found"], told["recorded"]), 1)


def test_what_was_lost_can_t_be_played() -> None:
    recorder = EpisodeRecorder(sender="thread")
    env = WalkingEnv()
    env.reset(seed=1)
    for number in range(N_STEPS):
        action = {"turn": 1, "thrust": np.zeros(2, np.float32)}
        _, reward, terminated, _, _ = env.step(action)
        if number != 12:
            recorder.record_step(
                0,
                number,
                (),
                (),
                (),
                reward,
                terminated=terminated,
                extras={f"action.{k}": v for k, v in action.items()},
            )
    recorder.finish_episode(0, {"info": {"seed": 1}})
    reproduction = Reproduction(close_and_read(recorder)[0].episode, WalkingEnv())
    assert reproduction.run() is None
    assert reproduction.n_steps == 12


def test_without_a_seed_or_with_actions_of_another_kind_it_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match=r"record with recorder\.wrappers\.AutoSeed"):
        Reproduction(recorded_walk(seed=None), WalkingEnv())
    with (
        gymnasium.make("CartPole-v1") as other,
        pytest.raises(UsageError, match="lacks 'action' of Discrete"),
    ):
        Reproduction(recorded_walk(), other).run()


@pytest.mark.parametrize("seed", [2**31, 2**64, np.random.SeedSequence(5, pool_size=8).entropy + 2**127])
def test_an_episode_of_any_seed_comes_out_as_it_was_recorded(seed: int) -> None:
    episode = recorded_walk(seed=seed)
    assert set(episode.metadata.info) >= {"env_id", "seed", "reset_observation.place"}
    assert Reproduction(episode, WalkingEnv()).run() is None


def test_a_seed_that_is_none_is_said_to_be_none() -> None:
    recorder = EpisodeRecorder(sender="thread")
    recorder.record_step(0, 0, (), (), (), 1.0)
    recorder.finish_episode(0, {"info": {"seed": "mine"}})
    with pytest.raises(UsageError, match="the seed of this episode can't be one"):
        Reproduction(close_and_read(recorder)[0].episode, WalkingEnv())


def test_an_environment_with_a_large_number_among_its_arguments_is_made_again_with_it() -> None:
    with gymnasium.make(ENV_ID, n_steps=2**100) as env:
        recorder = EpisodeRecorder(sender="thread", config=describe_environment(env))
    recorder.close()
    config = dict(recorder.stream.run_info(recorder.run_id).info["config"])
    with make_environment(config) as again:
        assert again.unwrapped._n_steps == 2**100  # type: ignore[attr-defined]


def test_environments_are_made_from_what_the_run_says_of_them() -> None:
    with gymnasium.make(ENV_ID, n_steps=7, wind=0.0, max_episode_steps=5) as env:
        config = json.loads(json.dumps(describe_environment(env)))
    with make_environment(config, render_mode="rgb_array") as again:
        assert isinstance(again.unwrapped, WalkingEnv)
        assert (again.unwrapped._n_steps, again.unwrapped._wind) == (7, 0.0)
        assert again.spec is not None
        assert again.spec.max_episode_steps == 5
        assert again.render_mode == "rgb_array"


@pytest.mark.parametrize("env_id", ["Nowhere-v0", "os:Walking-v0"])
def test_only_what_is_registered_here_is_made(env_id: str) -> None:
    with pytest.raises(UsageError, match="is registered here"):
        make_environment({"env_id": env_id})


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of single episodes, and one of a vector."""
    folder = tmp_path_factory.mktemp("recordings")
    for run_id in ("single", "vector"):
        env = gymnasium.make(ENV_ID, n_steps=N_STEPS)
        recorder = EpisodeRecorder(run_id=run_id, config=describe_environment(env))
        all_of_them = {"periodic": {"interval": 1}}
        with RecordingWriter(recorder, folder / "catalog.db", folder, criteria=all_of_them):
            if run_id == "single":
                record(AutoSeed(env), recorder, n_episodes=3)
            else:
                lanes = gymnasium.make_vec(
                    ENV_ID, num_envs=2, vectorization_mode="sync", wrappers=(AutoSeed,), n_steps=N_STEPS
                )
                envs = RecordEpisodes(lanes, recorder)
                envs.reset(seed=4)
                for _ in range(50):
                    envs.step(envs.action_space.sample())
                envs.close()
    return folder


Reproduce = Callable[..., tuple[object, str]]


@pytest.fixture
def reproduce(recordings: Path, call: Call) -> Reproduce:
    """The command, as a user types it."""

    def run(*arguments: object) -> tuple[object, str]:
        environment = {"HAMLET_RECORDER_DATABASE": str(recordings / "catalog.db")}
        answer = call("reproduce", *arguments, "--recordings", recordings, environment=environment)
        return answer.status, answer.output

    return run


@pytest.mark.parametrize(("run_id", "episode_id"), [("single", 2), ("vector", 1), ("vector", 3)])
def test_the_command_says_that_each_step_is_as_it_was_recorded(
    reproduce: Reproduce, run_id: str, episode_id: int
) -> None:
    status, output = reproduce(episode_id, "--run", run_id, "--import", "tests.wrappers.walking_env")
    assert (status, output) == (
        0,
        f"episode {episode_id} of run {run_id}: {N_STEPS} steps replayed without a difference\n",
    )


def test_the_command_makes_a_video_as_the_environment_draws_itself(reproduce: Reproduce, tmp_path: Path) -> None:
    video = tmp_path / "walk.mp4"
    status, output = reproduce(0, "--run", "single", "--import", "tests.wrappers.walking_env", "--output", video)
    assert status == 0, output
    frames = frames_of(video)
    assert facts_of(video).fps == 12
    scale = 7  # 60 rows are too few to look at
    assert frames.shape == (N_STEPS + 1, PICTURE[0] * scale, PICTURE[1] * scale + 1, 3)
    for number, frame in enumerate(frames):
        assert np.abs(frame[50, 100].astype(int) - 10 * number).max() <= 4
        assert np.abs(frame[50, 500].astype(int) - [200, 0, 0]).max() <= 8


def test_the_command_names_the_first_step_that_differs(reproduce: Reproduce) -> None:
    windy = (0, "--run", "single", "--import", "tests.wrappers.walking_env", "--env", WINDY_ID)
    status, output = reproduce(*windy)
    assert status == 1
    assert output.startswith("episode 0 of run single diverges at step 0: reward was ")
    assert "--tolerance 1e-6" in output
    status, output = reproduce(*windy, "--json")
    assert status == 1
    divergence = json.loads(output)["divergence"]
    assert (divergence["step"], divergence["what"]) == (0, "reward")
    assert divergence["recorded"] != divergence["found"]
    assert {type(divergence[side]) for side in ("recorded", "found")} == {float}


def test_the_command_says_what_it_needs(reproduce: Reproduce, recordings: Path) -> None:
    status, output = reproduce(0, "--run", "single", "--env", "CartPole-v1", "--json")
    assert status == 2, output
    assert "lacks 'action' of Discrete" in output
    # In another process: here the module of the environment is imported already.
    status, output = run_python(
        ["-m", "recorder", "reproduce", "0", "--run", "single", "--recordings", str(recordings)],
        environment={"HAMLET_RECORDER_DATABASE": str(recordings / "catalog.db")},
    )
    assert status == 2
    assert f"no environment '{ENV_ID}' is registered here: name the module" in output
    status, output = reproduce(0, "--import", "tests.no_such_module")
    assert status == 2
    assert "--import tests.no_such_module: No module named" in output


def test_rewards_that_the_trainer_rounded_are_compared_as_it_recorded_them() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    env = WalkingEnv()
    env.reset(seed=1)
    action = {"turn": 1, "thrust": np.zeros(2, np.float32)}
    extras = {f"action.{name}": np.asarray(value)[None] for name, value in action.items()}
    for number in range(3):
        _, reward, *_ = env.step(action)
        one, nothing = np.array([0]), np.zeros((1, 0))
        rewards = np.array([reward], np.float32)
        recorder.record_batch(one, one + number, nothing, nothing, nothing, rewards, extras=extras)
    recorder.finish_episode(0, {"info": {"seed": 1}})
    assert Reproduction(close_and_read(recorder)[0].episode, WalkingEnv()).run() is None


def test_wrappers_that_may_change_something_are_named() -> None:
    env = gymnasium.wrappers.NormalizeObservation(AutoSeed(gymnasium.make("CartPole-v1")))
    vector = gymnasium.vector.SyncVectorEnv(
        [lambda: gymnasium.wrappers.RescaleAction(gymnasium.make("Pendulum-v1"), 0, 1)]
    )
    assert changing_wrappers(describe_environment(env)) == ["NormalizeObservation"]
    vector = gymnasium.wrappers.vector.NormalizeReward(vector)
    assert changing_wrappers(describe_environment(vector)) == ["NormalizeReward", "RescaleAction"]
    assert changing_wrappers({"wrappers": "nonsense"}) == changing_wrappers({}) == []


def test_an_episode_within_a_game_can_t_be_played_alone() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    recorder.record_step(0, 0, (), (), 1, 1.0)
    recorder.finish_episode(0, {"info": {"is_within_game": True}})
    with pytest.raises(UsageError, match="began within a game"):
        Reproduction(close_and_read(recorder)[0].episode, WalkingEnv())
