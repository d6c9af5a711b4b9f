"""An episode whose states were recorded is drawn again by setting them, without a seed and without an action."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from examples.gymnasium_env import play_episodes
from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.wrappers import RecordEpisode, Restoration, describe_environment
from recorder.wrappers.vector import RecordEpisode as VectorRecordEpisode
from tests.capture.recorded import Ended, close_and_read
from tests.command_line import Call
from tests.video.decoding import frames_of
from tests.wrappers.counting_env import CountingEnv, StatefulEnv, recorded_by_lane
from tests.wrappers.vector_lanes import N_LANES, async_env, play, sync_env
from tests.wrappers.walking_env import ENV_ID, WalkingEnv
from worker import RecordingWriter

N_STEPS = 20


def recorded(env: gymnasium.Env[Any, Any], *, n_episodes: int = 1, seed: int | None = None, **options: Any) -> Ended:
    """The last of some episodes with states."""
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(env, recorder, states=True, **options)
    play_episodes(env, n_episodes=n_episodes, seed=seed)
    env.close()
    return close_and_read(recorder)[n_episodes - 1]


def test_the_states_of_an_episode_draw_what_was_seen_live() -> None:
    ended = recorded(WalkingEnv(render_mode="rgb_array"), frames="render")
    assert ended.episode.column("extras.state.count").tolist() == list(range(1, N_STEPS + 1))
    assert ended.metadata.info["reset_state.count"] == 0
    assert "seed" not in ended.metadata.info
    env = WalkingEnv(render_mode="rgb_array")
    restoration = Restoration(ended.episode, env)
    restoration.run()
    assert (restoration.n_compared, restoration.difference) == (N_STEPS, 0.0)
    assert env.get_state()["place"].tolist() == ended.episode.column("extras.observation.place")[-1].tolist()
    WalkingEnv.render, honest = (lambda self: honest(self) // 2), WalkingEnv.render  # type: ignore[method-assign]
    try:
        restoration.run()
    finally:
        WalkingEnv.render = honest  # type: ignore[method-assign]
    assert restoration.difference > 40


class FilmedEnv(WalkingEnv):
    """Its first picture places a camera, as MuJoCo's viewer does."""

    mujoco_renderer: Any = None

    def render(self) -> Any:
        if self.mujoco_renderer is None:
            camera = SimpleNamespace(
                lookat=np.array([self._count, 0.0, 0.0]), distance=4.0, azimuth=90.0, elevation=-45.0
            )
            self.mujoco_renderer = SimpleNamespace(viewer=SimpleNamespace(cam=camera))
        return super().render() + np.uint8(self.mujoco_renderer.viewer.cam.lookat[0])


def test_pictures_are_drawn_from_where_the_live_ones_were_taken() -> None:
    ended = recorded(FilmedEnv(render_mode="rgb_array"), n_episodes=2, frames="render", every=7)
    assert ended.metadata.info["camera"] == [1.0, 0.0, 0.0, 4.0, 90.0, -45.0]
    restoration = Restoration(ended.episode, FilmedEnv(render_mode="rgb_array"))
    restoration.begin()
    restoration.compare(2)
    assert (restoration.n_compared, restoration.difference) == (2, 0.0)


def test_with_states_nothing_is_rendered_unasked_and_what_has_no_state_is_refused() -> None:
    ended = recorded(WalkingEnv(render_mode="rgb_array"))
    assert ended.episode.schema.index("extras.render") is None
    restoration = Restoration(ended.episode, WalkingEnv(render_mode="rgb_array"))
    restoration.run()
    assert restoration.n_compared == 0
    with pytest.raises(UsageError, match="CartPoleEnv has no state to record"):
        RecordEpisode(gymnasium.make("CartPole-v1"), None, states=True)
    recorder = EpisodeRecorder(strict=True)
    env = RecordEpisode(WalkingEnv(), recorder)
    play_episodes(env, n_episodes=1, seed=1)
    env.close()
    with pytest.raises(UsageError, match="no states were recorded"):
        Restoration(close_and_read(recorder)[0].episode, WalkingEnv()).run()


def test_the_command_draws_an_episode_from_its_states(tmp_path: Path, call: Call) -> None:
    env = gymnasium.make(ENV_ID, n_steps=N_STEPS)
    recorder = EpisodeRecorder(run_id="walk", config=describe_environment(env))
    with RecordingWriter(recorder, tmp_path / "catalog.db", tmp_path, criteria={"periodic": {"interval": 1}}):
        env = RecordEpisode(env, recorder, states=True)
        play_episodes(env, n_episodes=1, seed=None)
        env.close()
    video = tmp_path / "walk.mp4"
    answer = call(
        "reproduce", 0, "--states", "--import", "tests.wrappers.walking_env", "--output", video, "--recordings", tmp_path,
        environment={"HAMLET_RECORDER_DATABASE": str(tmp_path / "catalog.db")},
    )  # fmt: skip
    assert answer.status == 0, answer.output
    assert f"episode 0 of run walk: {N_STEPS} states set" in answer.output
    frames = frames_of(video)
    assert len(frames) == N_STEPS + 1
    for number, frame in enumerate(frames):
        assert np.abs(frame[50, 100].astype(int) - 10 * number).max() <= 4


def assert_have_states(recorder: EpisodeRecorder) -> None:
    """Each step of each lane, the last one of an episode too."""
    for episodes in recorded_by_lane(recorder, n_lanes=N_LANES):
        assert len(episodes) >= 8
        for ended in episodes:
            states = ended.episode.column("extras.state").tolist()
            assert states == ended.episode.column("extras.observation")[:, :3].tolist()
            assert ended.metadata.info["reset_state"] == [*states[0][:2], 0]


@pytest.mark.parametrize(
    ("mode", "wrapper"),
    [*((mode, gymnasium.Wrapper) for mode in AutoresetMode), (AutoresetMode.SAME_STEP, None)],
)
def test_a_vector_environment_records_the_states_of_each_lane(
    mode: AutoresetMode, wrapper: Callable[[Any], Any] | None
) -> None:
    makers = [partial(StatefulEnv, lane) for lane in range(N_LANES)]
    lanes: list[Callable[[], Any]] = [partial(_wrapped, make, wrapper) for make in makers]
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = VectorRecordEpisode(sync_env(lanes, mode), recorder, states=True)
    play(envs, mode)
    envs.close()
    assert_have_states(recorder)


def _wrapped(make: Callable[[], Any], wrapper: Callable[[Any], Any] | None) -> Any:
    return make() if wrapper is None else wrapper(make())


def test_states_of_lanes_in_other_processes_are_refused_at_once() -> None:
    makers = [partial(StatefulEnv, 0)]
    envs = async_env(list(makers), AutoresetMode.NEXT_STEP)
    try:
        with pytest.raises(UsageError, match="not in this process"):
            VectorRecordEpisode(envs, None, states=True)
    finally:
        envs.close()
    with pytest.raises(UsageError, match="CountingEnv has no state to record"):
        VectorRecordEpisode(sync_env([CountingEnv], AutoresetMode.NEXT_STEP), None, states=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "Humanoid-v5"])
def test_the_states_of_mujoco_draw_what_was_seen_live(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mujoco")
    monkeypatch.setenv("MUJOCO_GL", os.environ.get("MUJOCO_GL", "egl"))
    make: Callable[[], Any] = partial(
        gymnasium.make, env_id, render_mode="rgb_array", width=128, height=96, max_episode_steps=15
    )
    try:
        with make() as env:
            env.reset()
            env.render()
    except Exception as error:  # noqa: BLE001 - whatever a machine without EGL raises
        pytest.skip(f"MuJoCo can't render here: {error}")
    ended = recorded(make(), n_episodes=2, seed=1, frames="render")
    with make() as env:
        restoration = Restoration(ended.episode, env)
        restoration.run()
        found = env.unwrapped.data.qpos.tolist()
    assert found == ended.episode.column("extras.state.qpos")[-1].tolist()
    assert restoration.n_compared == ended.episode.n_steps
    assert restoration.difference < 12  # the live picture shows bodies where they were before the last part of the step
