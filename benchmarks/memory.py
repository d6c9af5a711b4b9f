"""Memory: what a long run costs its trainer while nobody empties the server, and what it costs the server while a worker does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.stack import running_stack
from benchmarks.steps import N_STEPS, record_steps, step_values
from recorder import EpisodeRecorder
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import RedisStepStream

__all__ = ["measure_redis_peak", "measure_trainer_rss"]

_WARM_UP_EPISODES = 20
"""Until then modules are loaded, the first blocks of memory taken, and encodings chosen."""

_SAMPLE_SECS = 0.05

_MB = 1_000_000


def measure_trainer_rss(*, quick: bool) -> dict[str, float]:
    """Growth of a trainer's resident memory and its sender's together, at its highest, over 2,000,000 steps while no worker runs.

    The trainer is a process of its own, which records as fast as it can and waits when the ring is full: the ring's 64 MiB
    are part of the figure, once for both. The memory of the sender process before it has any steps is given beside it.
    """
    n_episodes = 40 if quick else 2_000_000 // N_STEPS
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        command = [sys.executable, "-m", "benchmarks.memory", server.url, str(n_episodes)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, sender = done.stdout.split()
    return {"trainer_rss_mb": float(grown), "sender_rss_mb": float(sender)}


def measure_redis_peak(*, quick: bool) -> dict[str, float]:
    """Most memory that the server uses during a steady run of 1,000,000 steps, with the default criteria and one worker.

    Steady: one producer, as fast as its calls are. What is held is what criteria may still claim (the last episodes of
    each stage), and what the worker has not come to yet.
    """
    n_episodes = 40 if quick else 1_000_000 // N_STEPS
    values = step_values()
    with running_stack() as stack, _PeakMemory(stack.url) as peak:
        with EpisodeRecorder(stack.url, on_full="block") as recorder:
            for episode_id in range(n_episodes):
                record_steps(recorder.record_step, episode_id, values)
                recorder.finish_episode(episode_id, {"curriculum_stage": 1 + 5 * episode_id // n_episodes})
        stack.wait_ended(recorder.run_id)
        if recorder.stats().n_missing_steps:
            raise RuntimeError(f"steps are missing: the figure would not be what it says: {recorder.stats()}")
    return {"redis_peak_bytes": peak.peak_bytes - peak.first_bytes, "redis_idle_bytes": peak.first_bytes}


class _PeakMemory:
    """Looks at a server's memory again and again, on a thread of its own, while the block runs."""

    def __init__(self, url: str) -> None:
        self._stream = RedisStepStream(url, purpose="server")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.first_bytes = self.peak_bytes = self._stream.server_memory().used_bytes

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECS):
            self.peak_bytes = max(self.peak_bytes, self._stream.server_memory().used_bytes)

    def __enter__(self) -> _PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._stream.close()


def _resident_bytes(pid: int | None) -> int:
    """Resident memory of a process; of a page that several processes share, its part. Source: proc(5)."""
    # The ring is mapped by both processes: the sum of their resident sets would count it twice.
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/smaps_rollup has no Pss: this figure needs Linux")


def _train(url: str, n_episodes: int) -> None:
    """The trainer of ``measure_trainer_rss``: prints by how many MB both processes have grown, and how large the second was."""
    values = step_values()
    with EpisodeRecorder(url, on_full="block") as recorder:
        first = highest = sender = 0
        for episode_id in range(_WARM_UP_EPISODES + n_episodes):
            if episode_id == _WARM_UP_EPISODES:
                while recorder.stats().n_bytes_waiting:
                    time.sleep(_SAMPLE_SECS)  # the sender process has begun, and has dealt with them
                sender = _resident_bytes(recorder.sender_pid)
                first = _resident_bytes(os.getpid()) + sender
            record_steps(recorder.record_step, episode_id, values)
            recorder.finish_episode(episode_id)
            highest = max(highest, _resident_bytes(os.getpid()) + _resident_bytes(recorder.sender_pid))
    if recorder.stats().n_missing_steps:
        raise RuntimeError(f"steps are missing: the figure would not be what it says: {recorder.stats()}")
    print((highest - first) / _MB, sender / _MB)


if __name__ == "__main__":
    _train(sys.argv[1], int(sys.argv[2]))
