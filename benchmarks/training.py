"""What recording costs a real training run: the example trainer with and without, in turn; and what any neighbour costs it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles

import torch

from benchmarks.designs import open_recorder
from benchmarks.stack import Stack, running_stack
from benchmarks.training_floor import BareRecorder
from examples.hamlet.train import train
from recorder.demo.result import TrainingResult

__all__ = ["measure_train_overhead"]

_NO_LIFE = 10**9
"""An episode id that no run comes to."""

_POLL_SECS = 0.02


def measure_train_overhead(*, quick: bool) -> dict[str, float]:
    """``train_overhead_pct``: pairs of runs with the same seed, so with the same lives; the one that goes first changes.

    Many short pairs, because the machine's speed drifts by more than what is measured: what lies close together in time is
    alike. Server and worker run during both; a recorded run is waited for before the next begins, so that none pays for the
    other's episodes. ``train_neighbour_pct``: the same trainer without a recorder, while a loop that does nothing keeps one
    core busy; what a machine with as many busy processes as cores takes from every one of them.
    ``train_overhead_quartiles_pct``: half of the distance between the quartiles of the pairs. ``train_inside_calls_pct``: the
    part of a recorded run that the trainer spends in the recorder's calls and in gathering what it tells it of an episode;
    ``train_inside_floor_pct``: the same with a recorder that only copies; ``train_floor_pct``: what that one costs in all.
    """
    n_pairs, n_neighbours, env_steps = (2, 1, 1_000) if quick else (61, 15, 6_000)
    torch.set_num_threads(1)
    overheads, inside, floors, inside_floors, neighbours = [], [], [], [], []
    with running_stack() as stack:
        train(env_steps=1_000)
        for pair in range(n_pairs):
            if pair % 2:
                without = train(env_steps=env_steps, seed=pair)
                recorded = _recorded(stack, env_steps, pair)
            else:
                recorded = _recorded(stack, env_steps, pair)
                without = train(env_steps=env_steps, seed=pair)
            overheads.append(100 * (recorded.seconds / without.seconds - 1))
            inside.append(recorded.overhead_percent)
            copied = train(recorder=BareRecorder(), env_steps=env_steps, seed=pair)  # type: ignore[arg-type]
            floors.append(100 * (copied.seconds / without.seconds - 1))
            inside_floors.append(copied.overhead_percent)
            if pair < n_neighbours:
                with _busy_neighbour():
                    beside = train(env_steps=env_steps, seed=pair)
                neighbours.append(100 * (beside.seconds / without.seconds - 1))
    first, _, third = quantiles(overheads, method="inclusive")
    return {
        "train_overhead_pct": median(overheads),
        "train_overhead_quartiles_pct": (third - first) / 2,
        "train_inside_calls_pct": median(inside),
        "train_floor_pct": median(floors),
        "train_inside_floor_pct": median(inside_floors),
        "train_neighbour_pct": median(neighbours),
    }


@contextmanager
def _busy_neighbour() -> Iterator[None]:
    loop = subprocess.Popen([sys.executable, "-S", "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    with loop:
        try:
            assert loop.stdout is not None
            loop.stdout.readline()
            yield
        finally:
            loop.kill()


def _recorded(stack: Stack, env_steps: int, seed: int) -> TrainingResult:
    with open_recorder(stack) as recorder:
        recorder.abort(_NO_LIFE, "shows that the sender process has begun")
        while not recorder.stats().n_episodes_aborted:
            time.sleep(_POLL_SECS)
        result = train(recorder=recorder, env_steps=env_steps, seed=seed)
        run_id = recorder.run_id
    if recorder.stats().n_missing_steps:
        raise RuntimeError(f"{recorder.stats().n_missing_steps} steps were lost: the figure would not be what it says")
    stack.wait_ended(run_id)
    return result
