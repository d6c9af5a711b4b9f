"""The time inside a trainer's calls: sampled, told by ``stats()``, and carried to the server by the heartbeat."""

from __future__ import annotations

import numpy as np

from recorder import EpisodeRecorder
from recorder.capture.call_times import TIMED_EVERY_STEPS, CallTimes
from recorder.step_stream import RedisStepStream


def test_nothing_is_told_before_a_call_was_timed() -> None:
    with EpisodeRecorder(strict=True) as recorder:
        assert (recorder.stats().call_median_us, recorder.stats().call_p99_us) == (None, None)


def test_one_step_in_so_many_is_timed_by_its_number() -> None:
    with EpisodeRecorder(strict=True) as recorder:
        recorder.record_step(0, 1, (1, 2), [0.5], 0, 1.0)
        assert recorder.stats().call_median_us is None
        recorder.record_step(0, TIMED_EVERY_STEPS, (1, 2), [0.5], 0, 1.0)
        stats = recorder.stats()
    assert stats.call_median_us is not None
    assert stats.call_p99_us is not None
    assert 0 < stats.call_median_us <= stats.call_p99_us


def test_batches_are_timed() -> None:
    with EpisodeRecorder(strict=True) as recorder:
        recorder.record_batch(
            np.arange(3), np.ones(3, int), np.ones((3, 2)), np.ones((3, 1)), np.zeros(3, int), np.ones(3)
        )
        assert recorder.stats().call_p99_us


def test_the_heartbeat_carries_them(redis_url: str) -> None:
    recorder = EpisodeRecorder(redis_url, run_id="r", strict=True)
    assert recorder.sender_pid is not None
    for step in range(3):
        recorder.record_step(0, step, (1, 2), [0.5], 0, 1.0)
    recorder.close()
    stream = RedisStepStream(redis_url)
    (said,) = stream.run_info("r").producers.values()
    stream.close()
    assert 0 < float(said["call_median_us"]) <= float(said["call_p99_us"])


def test_median_and_percentile_are_those_of_the_sample() -> None:
    times = CallTimes()
    for microseconds in range(101):
        times.add(microseconds * 1e-6)
    assert times.read() == (50.0, 99.0)
    times.add(1.0)
    assert times.read() == (50.0, 100.0)
