"""What recording costs a real training run: the example trainer with and without, in turn."""

from __future__ import annotations

from statistics import median

import torch

from benchmarks.designs import open_recorder
from benchmarks.stack import Stack, running_stack
from examples.hamlet.result import TrainingResult
from examples.hamlet.train import train

__all__ = ["measure_train_overhead"]


def measure_train_overhead(*, quick: bool) -> dict[str, float]:
    """``train_overhead_pct``: pairs of runs with the same seed, so with the same lives; the one that goes first changes.

    Server and worker run during both; a recorded run is waited for before the next begins, so that none pays for the
    other's episodes.
    """
    n_pairs, env_steps = (1, 1_000) if quick else (11, 20_000)
    torch.set_num_threads(1)
    overheads, inside = [], []
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
    return {"train_overhead_pct": median(overheads), "train_inside_calls_pct": median(inside)}


def _recorded(stack: Stack, env_steps: int, seed: int) -> TrainingResult:
    with open_recorder(stack) as recorder:
        result = train(recorder=recorder, env_steps=env_steps, seed=seed)
        run_id = recorder.run_id
    if recorder.stats().n_missing_steps:
        raise RuntimeError(f"{recorder.stats().n_missing_steps} steps were lost: the figure would not be what it says")
    stack.wait_ended(run_id)
    return result
