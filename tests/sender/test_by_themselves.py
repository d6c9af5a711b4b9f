"""What was left in black boxes is recovered without anybody's asking: by the next trainer, by a worker, by ``recover``."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from recorder.black_box.places import default_folder, ring_files
from recorder.capture import EpisodeRecorder
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import RedisStepStream
from tests.processes import PythonProcess, is_alive, stop
from tests.sender.arrived import arrived_numbers
from tests.sender.flat_out import accepted
from tests.sender.test_killed import RUN, counts_of, everything_arrived, sender_of, start
from tests.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return default_folder(tmp_path / "recordings")


def leave(redis_url: str, folder: Path, *, n_steps: int = 3000, run_id: str = RUN) -> None:
    """A trainer and its sender are killed while there is something that the server has not."""
    folder.mkdir(parents=True)
    with start(redis_url, folder, "steps", run_id=run_id) as trainer:
        sender_pid = sender_of(trainer)
        stop(sender_pid)
        wait_until(lambda: counts_of(folder).exists() and accepted(counts_of(folder))[0] > n_steps)
        stop(trainer.pid)
        os.kill(sender_pid, signal.SIGKILL)
        trainer.kill()
        wait_until(lambda: not is_alive(sender_pid), message="the end of the sender")
    assert len(list(ring_files(folder))) == 1


def test_the_next_trainer_of_the_same_folder_has_it_sent(redis_url: str, stream: RedisStepStream, folder: Path) -> None:
    leave(redis_url, folder)
    with EpisodeRecorder(redis_url, run_id="next", black_box_dir=folder) as recorder:
        recorder.record_step(0, 0, (1, 2), [0.5], 1, 1.0)
        wait_until(lambda: len(list(ring_files(folder))) == 1, message="the recovery")
    everything_arrived(stream, folder, "steps")
    assert recorder.stats().n_recorded_steps == 1
    assert arrived_numbers(stream, "next") == [1]
    assert list(folder.iterdir()) == []


def test_a_trainer_of_another_server_leaves_it_and_names_it_once(
    redis_url: str, stream: RedisStepStream, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "boxes"
    leave(redis_url, folder)
    (left,) = ring_files(folder)
    with EmbeddedServer(tmp_path / "other") as other:
        for run_id in ("next", "the one after"):
            with EpisodeRecorder(other.url, run_id=run_id, black_box_dir=folder) as recorder:
                recorder.record_step(0, 0, (1, 2), [0.5], 1, 1.0)
            assert list(ring_files(folder)) == [left]
            assert caplog.text.count(f"recover --redis-url {redis_url} {left}") == 1


def test_a_worker_on_the_same_machine_has_it_sent_and_writes_the_episodes(
    redis_url: str, stream: RedisStepStream, folder: Path
) -> None:
    leave(redis_url, folder)
    recordings = folder.parent
    arguments = ["--recordings", str(recordings), "--redis-url", redis_url, "--queues", "ingest,maintenance"]
    with PythonProcess("-m", "recorder", "worker", *arguments, "--concurrency", "1") as worker:
        wait_until(lambda: not list(ring_files(folder)), message="the recovery")
        worker.wait_for("recovered")
    everything_arrived_or_was_written(stream, folder, recordings)


def everything_arrived_or_was_written(stream: RedisStepStream, folder: Path, recordings: Path) -> None:
    assert list(folder.iterdir()) == []
    assert list(recordings.glob("*/*.lz4")) or arrived_numbers(stream, RUN)


def test_the_command_sends_it_and_says_what_it_has_sent(
    redis_url: str, stream: RedisStepStream, tmp_path: Path
) -> None:
    folder = tmp_path / "boxes"
    leave(redis_url, folder)
    (path,) = ring_files(folder)
    n_before = len(arrived_numbers(stream, RUN))
    with PythonProcess("-m", "recorder", "recover", "--json", "--redis-url", redis_url, str(path)) as command:
        assert command.process.wait() == 0
        (row,) = json.loads(command.output)["black_boxes"]
    everything_arrived(stream, folder, "steps")
    assert (row["run_id"], row["state"], row["why"], row["n_bytes_left"]) == (RUN, "recovered", "", 0)
    assert row["n_steps"] == len(arrived_numbers(stream, RUN)) - n_before
    assert row["n_episodes"] > 0
    assert list(folder.iterdir()) == []


def test_without_a_server_the_command_leaves_everything_and_says_why(redis_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "boxes"
    leave(redis_url, folder)
    arguments = ["--json", "--redis-url", "redis://127.0.0.1:1/0", "--timeout", "0.5"]
    with PythonProcess("-m", "recorder", "recover", *arguments, *map(str, ring_files(folder))) as command:
        assert command.process.wait() == 1
        (row,) = json.loads(command.output[command.output.index("{") :])["black_boxes"]
    assert (row["state"], row["n_steps"]) == ("abandoned", 0)
    assert row["n_bytes_left"] > 0
    assert "redis://127.0.0.1:1/0" in row["why"]
    assert len(list(ring_files(folder))) == 1
