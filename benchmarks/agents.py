"""What several agents cost: a file of which some are absent, and a call."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.stack import KEEP_ALL
from recorder import EpisodeRecorder
from worker.recording_writer import RecordingWriter

__all__ = ["measure_agents"]

N_STEPS = 1000
N_PRESENT = 4
N_ACTIONS = 6


def measure_agents(*, quick: bool) -> dict[str, float]:
    """``agents_bytes_ratio``: four agents, beside four that are there in the first step only, and the same four alone.

    Beside it ``agents_call_us``, the median call with eight agents.
    """
    n_steps = 100 if quick else N_STEPS
    alone, beside = _file_bytes(N_PRESENT, n_steps), _file_bytes(2 * N_PRESENT, n_steps)
    return {
        "agents_bytes_ratio": beside / alone,
        "agents_bytes_per_step": alone / n_steps,
        "agents_call_us": _call_us(2 * N_PRESENT, n_steps),
    }


def _call_us(n_agents: int, n_steps: int) -> float:
    random = np.random.default_rng(7)
    agents = {
        f"agent_{number}": {
            "position": random.integers(0, 8, 2),
            "meters": random.random(4, np.float32),
            "action": number % N_ACTIONS,
            "reward": 1.0,
            "q_values": random.random(N_ACTIONS, np.float32),
            "terminated": False,
        }
        for number in range(n_agents)
    }
    secs = []
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        recorder = EpisodeRecorder(run_id="bench", strict=True)
        with RecordingWriter(recorder, Path(name) / "catalog.db", Path(name), criteria=KEEP_ALL):
            for step in range(n_steps):
                started = perf_counter()
                recorder.record_agents(0, step, agents, {"time_of_day": step % 24})
                secs.append(perf_counter() - started)
            recorder.finish_episode(0)
    return 1e6 * median(secs)


def _file_bytes(n_agents: int, n_steps: int) -> int:
    random = np.random.default_rng(7)
    positions = np.full((n_agents, 2), 4)
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        recorder = EpisodeRecorder(run_id="bench", strict=True)
        with RecordingWriter(recorder, Path(name) / "catalog.db", Path(name), criteria=KEEP_ALL):
            for step in range(n_steps):
                moves = random.integers(-1, 2, (N_PRESENT, 2))
                positions[:N_PRESENT] = np.clip(positions[:N_PRESENT] + moves, 0, 7)
                q_values = random.normal(size=(N_PRESENT, N_ACTIONS)).astype(np.float32)
                rewards = random.normal(size=N_PRESENT).astype(np.float32)
                agents = {
                    f"agent_{number}": {
                        "position": positions[number],
                        "meters": np.full(4, 1 - step / n_steps, np.float32),
                        "action": int(q_values[number % N_PRESENT].argmax()),
                        "reward": rewards[number % N_PRESENT],
                        "q_values": q_values[number % N_PRESENT],
                        "terminated": False,
                        "truncated": step == n_steps - 1,
                    }
                    for number in range(n_agents if step == 0 else N_PRESENT)
                }
                recorder.record_agents(0, step, agents)
            recorder.finish_episode(0)
        (path,) = Path(name).glob("*/episode_*")
        return path.stat().st_size
