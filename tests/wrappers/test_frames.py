"""Where the pictures of a recording come from: observations, ``render``, or nowhere."""

from __future__ import annotations

import copy
from typing import Any

import ale_py
import gymnasium
import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation, TransformObservation
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

from recorder.capture import EpisodeRecorder
from recorder.errors import UsageError
from recorder.schema import Encoding
from recorder.wrappers import AutoSeed, RecordEpisode
from recorder.wrappers.reproduction import is_reenacted
from recorder.wrappers.sb3 import RecorderCallback
from recorder.wrappers.vector import RecordEpisode as RecordVector
from tests.capture.recorded import Ended, close_and_read
from tests.wrappers.picture_env import EPISODE_STEPS, PictureEnv, VectorLikeEnv, picture

RENDER, OBSERVATION = "extras.render", "extras.observation"


def played(env: gymnasium.Env[Any, Any], *, strict: bool = True, n_episodes: int = 2, **frames: Any) -> list[Ended]:
    recorder = EpisodeRecorder(strict=strict, sender="thread")
    recording = RecordEpisode(env, recorder, **frames)
    for _ in range(n_episodes):
        recording.reset()
        while not recording.step(0)[2]:
            pass
    recording.close()
    return list(close_and_read(recorder).values())


def a_space(shape: tuple[int, ...]) -> spaces.Box:
    return spaces.Box(0, 255, shape, np.uint8)


def names_of(found: list[Ended]) -> set[str]:
    return {name for ended in found for name in ended.episode.names if name.startswith("extras.")}


@pytest.mark.parametrize(
    ("env", "frames", "expected"),
    [
        (PictureEnv(), {}, {OBSERVATION}),
        (PictureEnv(), {"frames": "observation", "record_observations": False}, {OBSERVATION}),
        (PictureEnv("rgb_array"), {"frames": "render"}, {RENDER}),
        (PictureEnv("rgb_array"), {"frames": "render", "record_observations": True}, {RENDER, OBSERVATION}),
        (PictureEnv(), {"frames": "none"}, set()),
        (PictureEnv(), {"record_observations": False}, set()),
        (VectorLikeEnv(), {}, {OBSERVATION}),
        (VectorLikeEnv("rgb_array"), {}, {RENDER, OBSERVATION}),
        (VectorLikeEnv("rgb_array"), {"frames": "none"}, {OBSERVATION}),
        (VectorLikeEnv("human"), {}, {OBSERVATION}),
    ],
)
def test_pictures_come_from_where_they_are_asked_for(
    env: VectorLikeEnv, frames: dict[str, Any], expected: set[str]
) -> None:
    found = played(copy.copy(env), **frames)
    assert names_of(found) == expected
    for number, ended in enumerate(found):
        for name in expected:
            values = ended.episode.column(name)
            if values.ndim == 4:
                np.testing.assert_array_equal(values, [picture(number, step + 1) for step in range(EPISODE_STEPS)])


def test_an_environment_that_can_be_played_again_from_its_seeds_is_not_rendered() -> None:
    made = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    assert RENDER not in names_of(played(AutoSeed(made), n_episodes=1))
    assert not is_reenacted(made), "without a seed of each episode it can't be"
    assert not is_reenacted(AutoSeed(VectorLikeEnv("rgb_array")))


@pytest.mark.parametrize(("env", "name"), [(PictureEnv(), OBSERVATION), (VectorLikeEnv("rgb_array"), RENDER)])
def test_every_kth_picture_is_recorded_and_the_other_steps_have_none(env: VectorLikeEnv, name: str) -> None:
    for number, ended in enumerate(played(copy.copy(env), every=2)):
        assert ended.episode.present(name).tolist() == [True, False, True, False, True]
        assert ended.gaps == []
        np.testing.assert_array_equal(ended.episode.step(2).extras[name.removeprefix("extras.")], picture(number, 3))


@pytest.mark.parametrize(
    ("rendered", "problem"),
    [
        (None, "gave no picture:"),
        ([], "gave no picture:"),
        (np.zeros((0, 4, 3), np.uint8), "which is no picture"),
        ("###", "found <U3"),
    ],
)
def test_a_render_without_a_picture_costs_the_picture_and_is_said(
    rendered: Any, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    env = VectorLikeEnv("rgb_array", rendered=rendered)
    found = played(env, strict=False, n_episodes=4)
    assert [ended.episode.n_steps for ended in found] == [EPISODE_STEPS] * 4
    assert names_of(found) == {OBSERVATION}
    assert env.n_renders == 10, "after ten failures nobody asks again"
    assert sum(problem in message for message in caplog.messages) == 1
    assert any("not called any more" in message for message in caplog.messages)


def test_the_last_picture_of_a_list_is_taken_and_opacity_left_out() -> None:
    opaque = np.concatenate([picture(0, 1), np.full((24, 24, 1), 255, np.uint8)], axis=2)
    (ended,) = played(VectorLikeEnv("rgb_array", rendered=[picture(3, 3), opaque]), n_episodes=1, frames="render")
    np.testing.assert_array_equal(ended.episode.step(0).extras["render"], picture(0, 1))


def test_parts_of_an_observation_that_are_pictures_are_recorded_beside_its_numbers() -> None:
    class Both(PictureEnv):
        observation_space = spaces.Dict(
            pixels=PictureEnv.observation_space,
            grid=spaces.Box(0, 10, (7, 7, 3), np.uint8),
            big=spaces.Box(-9, 9, (40, 40)),
        )

        def _observation(self) -> Any:
            return {"pixels": picture(self._episode, self._step), "grid": np.zeros((7, 7, 3), np.uint8), "big": 0}

    (ended,) = played(Both(), n_episodes=1)
    assert names_of([ended]) == {"extras.observation.pixels"}
    assert (
        ended.episode.schema.columns[ended.episode.schema.index("extras.observation.pixels") or 0].encoding
        is Encoding.XOR
    )


def test_a_copy_renders_nothing() -> None:
    env = RecordEpisode(VectorLikeEnv("rgb_array"), EpisodeRecorder(strict=True, sender="thread"))
    env.reset()
    branch = copy.deepcopy(env)
    branch.step(0)
    assert branch.unwrapped.n_renders == env.unwrapped.n_renders == 0  # type: ignore[attr-defined]
    env.close()


@pytest.mark.parametrize("mode", list(gymnasium.vector.AutoresetMode)[:2])
@pytest.mark.parametrize(("kind", "name"), [(PictureEnv, OBSERVATION), (VectorLikeEnv, RENDER)])
def test_every_lane_of_a_vector_has_its_own_pictures(mode: Any, kind: type[VectorLikeEnv], name: str) -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    envs = RecordVector(SyncVectorEnv([lambda: kind("rgb_array")] * 2, autoreset_mode=mode), recorder)
    envs.reset()
    for _ in range(EPISODE_STEPS * 2 + 1):
        envs.step(np.zeros(2, int))
    envs.close()
    same_step = mode is gymnasium.vector.AutoresetMode.SAME_STEP
    for ended in list(close_and_read(recorder).values())[:2]:
        episode = ended.episode
        n_shown = EPISODE_STEPS - (1 if same_step and name == RENDER else 0)
        assert int(episode.present(name).sum()) == n_shown
        expected = [picture(0, step + 1) for step in range(n_shown)]
        np.testing.assert_array_equal(episode.column(name)[:n_shown], expected)


def test_sb3_records_stacks_as_the_model_sees_them_and_renders_where_asked() -> None:
    recorder = EpisodeRecorder(strict=True, sender="thread")
    grey = [lambda: TransformObservation(PictureEnv("rgb_array"), lambda seen: seen[..., :1], a_space((24, 24, 1)))]
    env = VecFrameStack(DummyVecEnv(grey), 4)  # type: ignore[arg-type]
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, device="cpu", policy_kwargs={"net_arch": []})
    model.learn(8, callback=RecorderCallback(recorder, frames="render", record_observations=True))
    ended = close_and_read(recorder)
    episode = ended[0].episode
    stacks = episode.column(OBSERVATION)
    assert (stacks.shape[1:], stacks.dtype) == ((4, 24, 24), np.uint8)  # SB3 transposes
    np.testing.assert_array_equal(stacks[1:4, :3], stacks[:3, 1:])
    np.testing.assert_array_equal(episode.step(1).extras["render"], picture(0, 2))
    assert episode.present(RENDER).tolist() == [True] * (EPISODE_STEPS - 1) + [False]


@pytest.mark.parametrize("arguments", [{"frames": "video"}, {"every": 0}, {"every": 1.5}])
def test_wrong_arguments_are_refused_at_once(arguments: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(arguments))):
        RecordEpisode(PictureEnv(), None, **arguments)


def test_atari_is_recorded_to_the_pixel_and_takes_few_bytes() -> None:
    gymnasium.register_envs(ale_py)
    recorder = EpisodeRecorder(strict=True, sender="thread")
    rgb = RecordEpisode(gymnasium.make("ALE/Breakout-v5"), recorder)
    game = gymnasium.make("ALE/Breakout-v5", obs_type="grayscale")
    halved = TransformObservation(game, lambda seen: seen[::2, ::2], a_space((105, 80)))
    stacked = RecordEpisode(FrameStackObservation(halved, 4), recorder)
    lanes = RecordVector(AtariVectorEnv("breakout", num_envs=2, frameskip=4), recorder)
    n_steps, seen = 100, []
    for env in (rgb, stacked):
        env.reset(seed=1)
        seen.append(np.stack([env.step(step % 4)[0] for step in range(n_steps)]))
    lanes.reset(seed=1)
    batched = np.stack([lanes.step(np.full(2, step % 4))[0] for step in range(n_steps)])
    seen += [batched[:, 0], batched[:, 1]]
    for wrapper in (rgb, stacked, lanes):
        wrapper.close()  # type: ignore[attr-defined]
    episodes = [ended.episode for _, ended in sorted(close_and_read(recorder).items())]
    for episode, expected, most_bytes in zip(episodes, seen, (1000, 200, 200, 200), strict=True):
        found = episode.column(OBSERVATION)
        np.testing.assert_array_equal(found, expected[: len(found)])
        assert len(found) > 90
        assert sum(ref.n_bytes for ref in episode.chunks) / episode.n_steps < most_bytes
