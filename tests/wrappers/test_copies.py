"""A copy of what records, however it is made, raises nothing, records nothing, and says so once."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from recorder.capture import EpisodeRecorder, copied
from recorder.errors import UsageError
from recorder.wrappers import AutoSeed, RecordEpisode
from recorder.wrappers.vector import RecordEpisode as RecordEpisodes
from tests.capture.recorded import STEP, close_and_read
from tests.wrappers.counting_env import CountingEnv
from worker import RecordingWriter

WAYS: list[Callable[[Any], Any]] = [copy.deepcopy, copy.copy, lambda it: pickle.loads(pickle.dumps(it))]
each_way = pytest.mark.parametrize("way", WAYS, ids=["deepcopy", "copy", "pickle"])


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copied, "_warned", set())


def memory_recorder() -> EpisodeRecorder:
    return EpisodeRecorder(strict=True, sender="thread")


@each_way
def test_a_copied_recorder_takes_every_call(way: Callable[[Any], Any], caplog: pytest.LogCaptureFixture) -> None:
    recorder = memory_recorder()
    recorder.record_step(0, 0, **STEP)
    copied_one = way(way(recorder))
    with copied_one as other:
        for step in range(3):
            other.record_step(0, step, **STEP)
            other.record_batch([0], [step], np.zeros((1, 2)), np.zeros((1, 2)), [0], [0.0])
        other.keep(0, "mine")
        other.abort(1, "mine")
        other.finish_episode(0, {"curriculum_stage": 2})
        other.note_failure(RuntimeError("mine"))
        assert other.stats().n_recorded_steps == other.stats().n_errors == 0
        assert other.sender_pid is None
        assert other.close()
    assert copied_one.is_copy
    assert not recorder.is_copy
    assert caplog.text.count("a copy of the recorder") == 1
    recorder.finish_episode(0)
    assert close_and_read(recorder)[0].metadata.n_steps == 1


@each_way
def test_a_copied_environment_is_played_and_its_original_goes_on(
    way: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    recorder = memory_recorder()
    env = RecordEpisode(
        AutoSeed(CountingEnv(lane=2)),
        recorder,
        step_fn=lambda **_: {"mood": 1},
        episode_trigger=lambda _: True,
    )
    env.reset(seed=3)
    env.step(0)
    for _ in range(3):
        imagined = way(env)
        assert imagined.recorder.is_copy
        imagined.extras(epsilon=0.5)
        if way is not copy.copy:  # which shares the environment
            imagined.step(1)
            imagined.reset()
            imagined.step(1)
            imagined.close()
    env.step(1)
    env.close()
    (ended,) = close_and_read(recorder).values()
    assert ended.metadata.n_steps == 2
    assert ended.metadata.info["seed"] == 3
    assert ended.episode.column("extras.mood").tolist() == [1, 1]
    assert recorder.stats().n_errors == 0
    assert caplog.text.count("a copy of the recorder") == (way is not copy.copy)


@each_way
def test_a_copied_vector_is_played_and_its_original_goes_on(way: Callable[[Any], Any]) -> None:
    recorder = memory_recorder()
    vector = gymnasium.vector.SyncVectorEnv([CountingEnv, lambda: CountingEnv(1)])
    vector.env_fns = ()  # functions that can't be pickled are the vector's own
    envs = RecordEpisodes(vector, recorder, step_fn=lambda **_: {"mood": np.ones(2)})
    envs.reset()
    imagined = way(envs)
    if way is not copy.copy:
        imagined.step(np.array([1, 1]))
        imagined.step(np.array([1, 1]))
        imagined.close()
    assert imagined.recorder.is_copy
    for _ in range(6):
        envs.step(np.array([0, 0]))
    envs.close()
    assert recorder.stats().n_errors == 0
    assert sum(ended.metadata.n_steps for ended in close_and_read(recorder).values()) > 6


@each_way
@pytest.mark.parametrize("has_begun", [False, True])
def test_a_copied_callback_records_nothing(way: Callable[[Any], Any], has_begun: bool) -> None:
    from stable_baselines3 import PPO

    from recorder.wrappers.sb3 import RecorderCallback

    recorder = memory_recorder()
    callback = RecorderCallback(recorder, step_fn=lambda **_: {"mood": np.ones(1)})
    model = PPO("MlpPolicy", gymnasium.make("CartPole-v1"), n_steps=16, batch_size=16, n_epochs=1, device="cpu")
    if has_begun:
        model.learn(16, callback=callback)
    model.learn(16, callback=way(callback))
    close_and_read(recorder)
    assert recorder.stats().n_recorded_steps == (16 if has_begun else 0)


@each_way
def test_a_copied_writer_writes_nothing(way: Callable[[Any], Any], tmp_path: Path) -> None:
    recorder = memory_recorder()
    with RecordingWriter(recorder, tmp_path / "demo.db", tmp_path / "recordings") as writer:
        other = way(writer)
        other.start()
        assert other.stop()
        recorder.record_step(0, 0, **STEP)
        recorder.finish_episode(0)
    assert (tmp_path / "recordings" / recorder.run_id / "episode_000000.msgpack.lz4").exists()


def test_a_writer_of_a_copied_recorder_is_refused(tmp_path: Path) -> None:
    with memory_recorder() as recorder, pytest.raises(UsageError, match="this is a copy, which records nothing"):
        RecordingWriter(copy.copy(recorder), tmp_path / "demo.db", tmp_path)
