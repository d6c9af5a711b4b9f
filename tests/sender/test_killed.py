"""Trainers and senders that are killed at random moments: what a call had accepted arrives, each step once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from recorder.black_box.places import ring_files
from recorder.sender.recovery import FoundBox, recover_folder
from recorder.step_stream import RedisStepStream, StepStream
from tests.processes import PythonProcess, is_alive
from tests.sender import flat_out
from tests.sender.arrived import arrived_numbers, n_ends
from tests.sender.flat_out import EPISODE_STEPS, accepted
from tests.waiting import DEADLINE_SECS, wait_until

RUN = "run"
SCRIPT = str(Path(flat_out.__file__))


def start(
    redis_url: str, folder: Path, how: str, n_steps: int = 10**9, *, run_id: str = RUN, close: Path | None = None
) -> PythonProcess:
    rest = [str(n_steps), str(close)] if close else [str(n_steps)]
    return PythonProcess(SCRIPT, redis_url, str(folder), str(counts_of(folder)), run_id, how, *rest)


def counts_of(folder: Path) -> Path:
    return folder.with_name("counts")


def sender_of(trainer: PythonProcess) -> int:
    return int(trainer.wait_for("begun").split()[-1])


def a_moment() -> float:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    return random.Random(seed).uniform(0.0, 0.7)


def everything_arrived(stream: StepStream, folder: Path, how: str) -> None:
    """What was accepted, and of the call that was under way all or nothing; ends as far as the trainer had come."""
    n_accepted, n_at_most = accepted(counts_of(folder))
    numbers = arrived_numbers(stream, RUN)
    assert numbers == list(range(len(numbers)))
    assert n_accepted <= len(numbers) <= n_at_most
    n_lanes = flat_out.N_LANES if how == "batches" else 1
    n_whole = len(numbers) // (EPISODE_STEPS * n_lanes)
    assert n_whole * n_lanes - n_lanes <= n_ends(stream, RUN) <= n_whole * n_lanes


def recover_all(folder: Path, stream: StepStream) -> None:
    def stream_of(box: FoundBox) -> StepStream:
        return stream

    wait_until(lambda: recover_folder(folder, stream_of, secs=DEADLINE_SECS) or not list(ring_files(folder)))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("how", ["steps", "batches"])
def test_of_a_trainer_that_is_killed_everything_arrives(
    redis_url: str, stream: RedisStepStream, folder: Path, how: str
) -> None:
    with start(redis_url, folder, how) as trainer:
        sender_pid = sender_of(trainer)
        time.sleep(a_moment())
        trainer.kill()
        wait_until(lambda: not is_alive(sender_pid), message="the end of the sender")
    everything_arrived(stream, folder, how)
    assert list(folder.iterdir()) == [], "its sender has sent everything and removed the files"


@pytest.mark.parametrize("how", ["steps", "batches"])
def test_a_sender_that_is_killed_again_and_again_loses_nothing(
    redis_url: str, stream: RedisStepStream, folder: Path, tmp_path: Path, how: str
) -> None:
    n_steps = 160_000
    close = tmp_path / "close"
    with start(redis_url, folder, how, n_steps, close=close) as trainer:
        killed = sender_of(trainer)
        for _ in range(3):
            time.sleep(a_moment())
            os.kill(killed, signal.SIGKILL)
            killed = next_sender(folder, killed)
        close.touch()
        line = trainer.wait_for("closed")
    assert [int(word) for word in line.split()[1:]] == [n_steps, 0]
    everything_arrived(stream, folder, how)
    assert n_ends(stream, RUN) == n_steps // EPISODE_STEPS
    assert list(folder.iterdir()) == []


def next_sender(folder: Path, before: int) -> int:
    """Pid of the sender of the only box, once it is another one."""
    pid = wait_until(lambda: _other_sender(folder, before), message="another sender")
    assert pid is not None
    return pid


def _other_sender(folder: Path, before: int) -> int:
    """Read from the header, without opening the file as a ring."""
    for path in ring_files(folder):
        with path.open("rb") as file:
            file.seek(1032)
            pid = int.from_bytes(file.read(8), "little")
        if pid not in (0, before) and is_alive(pid):
            return pid
    return 0


@pytest.mark.parametrize("how", ["steps", "batches"])
@pytest.mark.parametrize("first", ["trainer", "sender"])
def test_of_both_killed_everything_arrives_once_the_box_is_recovered(
    redis_url: str, stream: RedisStepStream, folder: Path, how: str, first: str
) -> None:
    with start(redis_url, folder, how) as trainer:
        sender_pid = sender_of(trainer)
        time.sleep(a_moment())
        victims = [trainer.pid, sender_pid]
        for pid in victims if first == "trainer" else reversed(victims):
            with contextlib.suppress(ProcessLookupError):  # a sender without its trainer may be at its end already
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(sender_pid), message="the end of the sender")
        trainer.kill()
    assert first == "trainer" or len(list(ring_files(folder))) == 1
    recover_all(folder, stream)
    everything_arrived(stream, folder, how)


def test_of_a_trainer_that_closes_everything_arrives_and_no_file_stays(
    redis_url: str, stream: RedisStepStream, folder: Path
) -> None:
    with start(redis_url, folder, "steps", 20_000) as trainer:
        line = trainer.wait_for("closed")
        trainer.process.wait()
    assert [int(word) for word in line.split()[1:]] == [20_000, 0]
    everything_arrived(stream, folder, "steps")
    assert n_ends(stream, RUN) == 20_000 // EPISODE_STEPS
    assert list(folder.iterdir()) == []
