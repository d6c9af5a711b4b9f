"""Steps that are lost when a trainer, its sender, or both are killed at a random moment while the trainer records flat out."""

from __future__ import annotations

import mmap
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from os import kill
from pathlib import Path

import numpy as np

from benchmarks.stack import StackError
from recorder import EpisodeRecorder
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import RedisStepStream
from worker.ingest.assemble import read_play

__all__ = ["measure_killed_lost_steps"]

_N_LANES = 8
_EPISODE_STEPS = 400
_SHARED = struct.Struct("<QQQ")
_ACCEPTED, _BEGUN, _STOP = range(3)
"""Numbers in shared memory: steps that calls have accepted, steps that were begun, and whether the trainer is to close. Each
is stored by itself: ``pack_into`` writes zeros first, and a kill may leave them.
"""
_DEADLINE_SECS = 120.0
_POLL_SECS = 0.05


def measure_killed_lost_steps(*, quick: bool) -> dict[str, float]:
    """``killed_lost_steps``: of all that calls had accepted, what is not on the server after the sender's end and ``recover``.

    A trainer says in shared memory how far its calls have come; the reward of each step is its number.
    """
    n_times = 2 if quick else 100
    luck = random.Random(1)
    lost: dict[str, int] = {}
    n_accepted = 0
    for whom in ("trainer", "sender", "both"):
        for _ in range(n_times):
            n_lost, n_of_run = _lost_steps(whom, luck.uniform(0.0, 0.7))
            lost[whom] = lost.get(whom, 0) + n_lost
            n_accepted += n_of_run
    return {
        "killed_lost_steps": sum(lost.values()),
        **{f"killed_{whom}_lost_steps": n_lost for whom, n_lost in lost.items()},
        "killed_accepted_steps": n_accepted,
    }


def _lost_steps(whom: str, after_secs: float) -> tuple[int, int]:
    """Steps that are missing, and steps that were accepted."""
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name, EmbeddedServer(Path(name, "server")) as server:
        boxes, counts = Path(name, "boxes"), Path(name, "counts")
        counts.write_bytes(bytes(_SHARED.size))
        command = [sys.executable, "-m", "benchmarks.killed", server.url, str(boxes), str(counts)]
        with _killed_at_the_end(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as trainer:
            assert trainer.stdout is not None
            sender_pid = int(trainer.stdout.readline())
            time.sleep(after_secs)
            if whom != "trainer":
                kill(sender_pid, signal.SIGKILL)
            if whom != "sender":
                trainer.kill()
            else:
                time.sleep(after_secs)
                with open(counts, "r+b") as file:
                    file.seek(_STOP * 8)
                    file.write(b"\1")
            trainer.wait(_DEADLINE_SECS)
        if whom == "both":
            options = ["--redis-url", server.url, *(str(path) for path in boxes.glob("*.blackbox"))]
            subprocess.run([sys.executable, "-m", "recorder", "recover", *options], check=True, capture_output=True)
        deadline = time.monotonic() + _DEADLINE_SECS
        while any(boxes.iterdir()):
            if time.monotonic() > deadline:
                raise StackError(f"a black box stays: {sorted(boxes.iterdir())}")
            time.sleep(_POLL_SECS)
        n_sure, n_at_most, _ = _SHARED.unpack(counts.read_bytes())
        numbers = _numbers_on(server.url)
    if numbers - set(range(n_at_most)):
        raise StackError("the server has steps that no call handed over")
    return n_sure - len(numbers & set(range(n_sure))), n_sure


@contextmanager
def _killed_at_the_end(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    with process:
        try:
            yield process
        finally:
            process.kill()


def _numbers_on(url: str) -> set[int]:
    """The rewards of all steps on a server."""
    stream = RedisStepStream(url, purpose="worker")
    numbers: set[int] = set()
    cursor, plays = 0, set()
    while True:
        cursor, page = stream.scan_episodes(cursor)
        plays |= {(run_id, play) for run_id, found in page.items() for play in found}
        if cursor == 0:
            break
    for run_id, play in plays:
        for chunk, _ in read_play(stream.read_plays(run_id, [play])[0]).chunks:
            column = chunk.column("reward")
            assert column is not None
            numbers.update(map(int, column.values.tolist()))
    stream.close()
    return numbers


def _train(url: str, boxes: str, counts: str) -> None:
    with open(counts, "r+b") as file:
        shared = memoryview(mmap.mmap(file.fileno(), _SHARED.size)).cast("Q")
    recorder = EpisodeRecorder(url, run_id="bench-killed", black_box_dir=boxes, on_full="block")
    print(recorder.sender_pid, flush=True)
    lanes, meters = np.arange(_N_LANES), np.zeros((_N_LANES, 2))
    for turn in count():
        if shared[_STOP]:
            break
        first = turn * _N_LANES
        number, step = divmod(turn, _EPISODE_STEPS)
        ids = number * _N_LANES + lanes
        shared[_BEGUN] = first + _N_LANES
        recorder.record_batch(ids, np.full(_N_LANES, step), meters, meters, lanes, (first + lanes).astype(float))
        shared[_ACCEPTED] = first + _N_LANES
        if step == _EPISODE_STEPS - 1:
            for episode_id in ids.tolist():
                recorder.finish_episode(episode_id)
    if not recorder.close(_DEADLINE_SECS):
        raise StackError(f"not everything was sent: {recorder.stats()}")


if __name__ == "__main__":
    _train(*sys.argv[1:])
