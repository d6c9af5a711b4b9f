"""What other programs may do to a black box in use, and to the sender that reads it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.black_box.places import ring_files
from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.child_process import spawn_detached
from recorder.errors import BlackBoxError, StreamError
from recorder.sender.base import Order
from recorder.sender.recovery import recover_folder
from recorder.step_stream import RedisStepStream
from tests.processes import is_alive, stop
from tests.sender.arrived import arrived_numbers
from tests.waiting import DEADLINE_SECS, wait_until

RUN = "run"


@pytest.fixture
def recorder(redis_url: str, folder: Path) -> Iterator[EpisodeRecorder]:
    recorder = EpisodeRecorder(redis_url, run_id=RUN, black_box_dir=folder)
    yield recorder
    recorder.close(5.0)


def record(recorder: EpisodeRecorder, numbers: range) -> None:
    for number in numbers:
        recorder.record_step(0, number, (1, 2), [0.5], 2, float(number))


def only_file(folder: Path) -> Path:
    (path,) = ring_files(folder)
    return path


def test_steps_go_on_arriving_after_somebody_deleted_the_file(
    recorder: EpisodeRecorder, stream: RedisStepStream, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(recorder, range(1000))
    wait_until(lambda: arrived_numbers(stream, RUN), message="the sender's beginning")
    only_file(folder).unlink()
    record(recorder, range(1000, 2000))
    wait_until(lambda: recorder.stats() and "somebody deleted the black box" in caplog.text, message="the warning")
    record(recorder, range(2000, 3000))
    recorder.finish_episode(0)
    assert recorder.close()
    assert arrived_numbers(stream, RUN) == list(range(3000))
    assert recorder.stats().n_missing_steps == 0


def test_a_trainer_is_told_that_nothing_is_recorded_over_a_spoilt_header(
    recorder: EpisodeRecorder, stream: RedisStepStream, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(recorder, range(1000))
    wait_until(lambda: len(arrived_numbers(stream, RUN)) == 1000)
    # By another process: here, closing the file again would let go of the trainer's lock.
    overwrite = f"import pathlib; pathlib.Path({str(only_file(folder))!r}).open('r+b').write(b'another ')"
    subprocess.run([sys.executable, "-c", overwrite], check=True)
    wait_until(lambda: recorder.stats() and "of no use any more" in caplog.text, message="the error")
    assert "it was overwritten" in caplog.text
    record(recorder, range(1000, 2000))
    assert not recorder.close(2.0)
    stats = recorder.stats()
    assert arrived_numbers(stream, RUN) == list(range(stats.n_recorded_steps))
    assert (stats.n_recorded_steps, stats.n_refused_steps) == (1000, 1000)
    assert "record_step was called after the recorder lost its sender" in stats.last_error


def test_a_second_sender_on_a_ring_goes_home_and_disturbs_nothing(
    redis_url: str, recorder: EpisodeRecorder, stream: RedisStepStream, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record(recorder, range(1000))
    second = spawn_detached("recorder.sender.process", Order(stream, only_file(folder), PublisherLimits()).packed())
    record(recorder, range(1000, 5000))
    assert second.wait() == 1
    assert "a sender is reading this black box" in capfd.readouterr().err
    recorder.finish_episode(0)
    assert recorder.close()
    assert arrived_numbers(stream, RUN) == list(range(5000))


def test_a_sender_that_hangs_is_ended_by_close_and_what_it_left_is_recovered(
    redis_url: str,
    recorder: EpisodeRecorder,
    stream: RedisStepStream,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    record(recorder, range(1000))
    sender_pid = recorder.sender_pid
    assert sender_pid is not None
    stop(sender_pid)
    record(recorder, range(1000, 2000))
    recorder.finish_episode(0)
    assert not recorder.close(0.1)
    assert not is_alive(sender_pid)
    assert str(only_file(folder)) in caplog.text
    assert recover_folder(folder, lambda _: stream, secs=DEADLINE_SECS) == 1
    assert arrived_numbers(stream, RUN) == list(range(2000))
    assert list(folder.iterdir()) == []


def test_a_strict_trainer_is_told_that_something_stays_in_its_black_box(folder: Path) -> None:
    recorder = EpisodeRecorder("redis://127.0.0.1:1/0", run_id=RUN, black_box_dir=folder, strict=True)
    recorder._raise_sender_error = lambda: None  # type: ignore[method-assign] - of the server that is away
    record(recorder, range(10))
    del recorder._raise_sender_error
    with pytest.raises(
        StreamError, match=f"hamlet-recorder recover --redis-url redis://127.0.0.1:1/0 {only_file(folder)}"
    ):
        recorder.close(0.1)


def test_a_sender_that_is_replaced_says_so_and_nothing_is_lost(
    recorder: EpisodeRecorder, stream: RedisStepStream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    record(recorder, range(500))
    first = recorder.sender_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: recorder.stats() and recorder.sender_pid not in (None, first), message="another sender")
    record(recorder, range(500, 1000))
    recorder.finish_episode(0)
    assert recorder.close()
    assert f"the sender process (pid {first}) ended by signal 9; process" in caplog.text
    assert arrived_numbers(stream, RUN) == list(range(1000))
    assert recorder.stats().n_recorded_steps == 1000
    assert BlackBoxError.__name__ not in caplog.text
