"""A trainer that is killed, at whatever instant, leaves every record that was whole, and nothing else."""

from __future__ import annotations

import os
import random
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from recorder.black_box import Field, Kind, Layout, Ring, RingReader, RingWriter, Run
from recorder.black_box.format import MIN_CAPACITY
from tests.black_box.rings import put_event, put_step, read_all, small_ring


def in_a_fork(work: Callable[[], None]) -> int:
    """Do work in a child process; gives the signal that ended it, 0 when it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def killed_at_line(number: int, work: Callable[[], None]) -> Callable[[], None]:
    """Work that is killed at the n-th line that it comes to within the black box."""

    def run() -> None:
        left = number

        def trace(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal left
            if "/black_box/" not in frame.f_code.co_filename or "tests" in frame.f_code.co_filename:
                return trace
            if event == "line":
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        work()

    return run


def test_killed_at_every_line_of_writing_a_step_an_end_and_a_new_layout(tmp_path: Path) -> None:
    other = Layout([Field("reward", np.dtype(np.float32))])
    n_killed = 0
    for number in range(1000):
        path = tmp_path / f"{number}.blackbox"
        ring = small_ring(path)
        writer = RingWriter(ring)
        put_step(writer, 0)

        def work(writer: RingWriter = writer) -> None:
            put_step(writer, 1)
            put_step(writer, 2, other)
            put_event(writer, Kind.FINISH, 0, b"end")

        was_killed = in_a_fork(killed_at_line(number, work))
        whole = [0, 1, 2, (Kind.FINISH, 0, b"end")]
        found = read_all(ring)
        assert found == whole[: len(found)]
        path.unlink()
        ring.close()
        if not was_killed:
            assert found == whole
            break
        n_killed += 1
    assert n_killed > 20


def test_killed_at_every_line_of_a_wrap(tmp_path: Path) -> None:
    for number in range(1000):
        ring = small_ring(tmp_path / f"{number}.blackbox")
        writer, reader = RingWriter(ring), RingReader(ring)
        for n_bytes in (MIN_CAPACITY // 2, MIN_CAPACITY // 2 - 24):
            assert put_event(writer, Kind.KEEP, 0, bytes(n_bytes - 24))
            read_all(ring, reader)
        was_killed = in_a_fork(killed_at_line(number, lambda writer=writer: put_step(writer, 7)))  # type: ignore[misc]
        found = read_all(ring, RingReader(ring))
        assert found in ([], [7])
        (tmp_path / f"{number}.blackbox").unlink()
        if not was_killed:
            assert found == [7]
            assert ring.head > MIN_CAPACITY
            return
    raise AssertionError


@pytest.mark.parametrize("seed", range(4))
def test_what_was_written_before_the_kill_is_read_by_another_process(tmp_path: Path, seed: int) -> None:
    """Flat out, while it is read; the writer says through a pipe how many steps it has written."""
    path = tmp_path / "a.blackbox"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        writer = RingWriter(small_ring(path))
        number = 0
        while True:
            if put_step(writer, number):
                number += 1
                if number % 100 == 0:
                    os.write(writing, number.to_bytes(8, "little"))
    os.close(writing)
    said = int.from_bytes(os.read(reading, 8), "little")
    ring = Ring.open(path)
    reader = RingReader(ring)
    kill_after = random.Random(seed).randrange(2_000, 40_000)
    found: list[int] = []
    is_dead = False
    while not is_dead or reader.n_unread_bytes:
        for item in reader.look(is_final=is_dead):
            assert isinstance(item, Run)
            found += (item.records["episode_id"] * 100 + item.records["step"]).tolist()
            assert np.array_equal(item.records["reward"], found[-len(item.records) :])
        ring.tail = reader.position
        while select.select([reading], [], [], 0)[0] and (data := os.read(reading, 8)):
            said = int.from_bytes(data, "little")
        if not is_dead and len(found) > kill_after:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            while data := os.read(reading, 8):
                said = int.from_bytes(data, "little")
            assert ring.is_trainer_gone()
            is_dead = True
    os.close(reading)
    assert found == list(range(len(found)))
    assert len(found) >= said
