"""Pictures from the trainer to the file: exact, small, and refused before numbers."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from recorder.capture import EpisodeRecorder
from recorder.publish.limits import PublisherLimits
from recorder.schema import Encoding
from tests.capture.recorded import STEP, close_and_read, record_one
from tests.waiting import wait_until

RNG = np.random.default_rng(1)
BACKGROUND = RNG.integers(0, 256, (96, 80, 3), np.uint8)


def picture(step: int, lane: int = 0) -> np.ndarray:
    """A still background with a few pixels that move."""
    found = BACKGROUND.copy()
    found[step % 90 : step % 90 + 4, 10 * lane : 10 * lane + 8] = 255
    return found


def test_single_steps_and_batches_record_their_pictures_exactly_and_small() -> None:
    recorder = EpisodeRecorder(strict=True)
    n_steps, n_lanes = 300, 2
    for step in range(n_steps):
        recorder.record_step(7, step, **STEP, extras={"observation": picture(step)})
        observations = np.stack([picture(step, lane) for lane in range(n_lanes)])
        nothing = np.zeros((n_lanes, 0), np.float32)
        steps = np.full(n_lanes, step)
        recorder.record_batch(
            np.arange(n_lanes), steps, nothing, nothing, steps, 1.0 * steps, extras={"observation": observations}
        )
    for episode_id in (7, 0, 1):
        recorder.finish_episode(episode_id)
    ended = close_and_read(recorder)
    for episode_id, lane in ((7, 0), (0, 0), (1, 1)):
        episode = ended[episode_id].episode
        spec = next(spec for spec in episode.schema.columns if spec.name == "extras.observation")
        assert spec.encoding is Encoding.XOR
        expected = np.stack([picture(step, lane) for step in range(n_steps)])
        np.testing.assert_array_equal(episode.column("extras.observation"), expected)
        np.testing.assert_array_equal(episode.step(123).extras["observation"], picture(123, lane))
        n_bytes = sum(ref.n_bytes for ref in episode.chunks)
        assert n_bytes < 1.5 * len(episode.chunks) * BACKGROUND.nbytes, "one whole picture a chunk and little more"


def test_pictures_that_change_in_mid_episode_are_recorded_as_they_are() -> None:
    wide = RNG.integers(0, 2**16, (64, 64), np.uint16)
    given = [
        picture(0), picture(1), picture(2)[::2], picture(3)[::2], np.zeros((0, 80, 3), np.uint8), picture(5)[:, ::-1],
        np.asfortranarray(picture(6)), wide, None, picture(9).astype(np.float32) / 255,
        RNG.integers(0, 256, (1080, 1920, 3), np.uint8),
    ]  # fmt: skip
    ended = record_one(*({"extras": {} if value is None else {"observation": value}} for value in given))
    assert ended.gaps == []
    for step, value in zip(ended.episode.steps(), given, strict=True):
        found = step.extras.get("observation")
        if value is None:
            assert found is None
        else:
            assert found.dtype == value.dtype
            np.testing.assert_array_equal(found, value)


def test_tensors_are_pictures_too_also_when_their_memory_is_in_another_order() -> None:
    given = [torch.from_numpy(picture(step)).permute(2, 0, 1).flip(1)[:, ::2] for step in range(5)]
    ended = record_one(*({"extras": {"observation": value}} for value in given))
    assert ended.episode.schema.columns[-1].encoding is Encoding.XOR
    for step, value in zip(ended.episode.steps(), given, strict=True):
        np.testing.assert_array_equal(step.extras["observation"], value.numpy())


def test_pictures_in_4k_are_recorded_if_the_black_box_has_room() -> None:
    recorder = EpisodeRecorder(black_box_bytes=2**27, strict=True)
    for step in range(2):
        screen = np.zeros((2160, 3840, 3), np.uint8)
        screen[step * 100 : step * 100 + 50] = 7
        recorder.record_step(7, step, **STEP, extras={"observation": screen})
    recorder.finish_episode(7)
    episode = close_and_read(recorder)[7].episode
    for step in range(2):
        found = episode.step(step).extras["observation"]
        assert (found.shape, int(found.sum())) == ((2160, 3840, 3), 50 * 3840 * 3 * 7)


def test_pictures_beyond_their_budget_are_left_out_evenly_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    recorder = EpisodeRecorder(limits=PublisherLimits(picture_bytes_per_sec=5_000, flush_interval_secs=0.05))
    n_steps = 60
    for step in range(n_steps):
        noise = RNG.integers(0, 256, (64, 64, 3), np.uint8)
        recorder.record_step(7, step, **STEP, extras={"observation": noise})
        if step % 10 == 9:
            wait_until(lambda: recorder.stats().n_recorded_steps > step)  # noqa: B023
    recorder.finish_episode(7)
    ended = close_and_read(recorder)[7]
    stats = recorder.stats()
    assert (ended.episode.n_steps, ended.gaps, stats.n_missing_steps) == (n_steps, [], 0)
    n_pictures = int(ended.episode.present("extras.observation").sum())
    assert 0 < n_pictures < n_steps
    assert stats.n_dropped_pictures == n_steps - n_pictures
    assert any("pictures left out so far" in message for message in caplog.messages)


def test_a_picture_larger_than_the_black_box_takes_leaves_its_step_and_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = EpisodeRecorder(black_box_bytes=2**20)
    recorder.record_step(7, 0, **STEP, extras={"observation": np.zeros((2160, 3840, 3), np.uint8), "small": 1.0})
    recorder.finish_episode(7)
    episode = close_and_read(recorder)[7].episode
    assert episode.step(0).extras == {"small": 1.0}
    assert recorder.stats().n_mismatched_values == 1
    assert any("capture.black_box_bytes" in message for message in caplog.messages)
