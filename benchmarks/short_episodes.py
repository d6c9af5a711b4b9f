"""What a kept episode of one or two steps takes: bytes on disk, and a worker's time. With packs and without, in turn."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from recorder import EpisodeRecorder
from recorder.catalog import Catalog
from recorder.step_stream import MemoryStepStream
from recorder.storage import LocalStorage
from worker.criteria import build_criteria
from worker.ingest import IngestContext, IngestLimits, claim_and_write, evaluate_run

__all__ = ["measure_short_episodes"]

_RUN = "bench-short"
_BLOCK_BYTES = 512
"""Unit of ``st_blocks``."""


def measure_short_episodes(*, quick: bool) -> dict[str, float]:
    """``short_episode_bytes`` and ``short_episode_us`` with packs; ``alone_…`` with a file for each episode."""
    n_repeats, n_episodes = (1, 64) if quick else (5, 4096)
    packed, alone = [], []
    for _ in range(n_repeats):
        alone.append(_written(n_episodes, IngestLimits(pack_below_bytes=0)))
        packed.append(_written(n_episodes, IngestLimits()))
    return {
        "short_episode_bytes": median(n_bytes for n_bytes, _ in packed),
        "alone_short_episode_bytes": median(n_bytes for n_bytes, _ in alone),
        "short_episode_us": median(micros for _, micros in packed),
        "alone_short_episode_us": median(micros for _, micros in alone),
    }


def _written(n_episodes: int, limits: IngestLimits) -> tuple[float, float]:
    """Bytes on disk and microseconds of writing an episode."""
    stream = MemoryStepStream()
    stream.expect_reader()
    with EpisodeRecorder(stream, run_id=_RUN, sender="thread") as recorder:
        for episode_id in range(n_episodes):
            n_steps = 1 + episode_id % 2
            for step in range(n_steps):
                recorder.record_step(
                    episode_id,
                    step,
                    None,
                    None,
                    episode_id % 2,
                    float(episode_id % 3 - 1),
                    terminated=step == n_steps - 1,
                    extras={"observation": np.array([episode_id % 22, episode_id % 11, step])},
                )
            recorder.finish_episode(episode_id)
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name, Catalog(Path(name, "catalog.db")) as catalog:
        context = IngestContext(
            stream, catalog, LocalStorage(name), lambda: build_criteria({"periodic": {"interval": 1}}), limits
        )
        evaluate_run(context, _RUN)
        began = time.perf_counter()
        while claim_and_write(context, _RUN):
            pass
        secs = time.perf_counter() - began
        if catalog.count_recordings() != n_episodes:
            raise RuntimeError(f"{catalog.count_recordings()} of {n_episodes} episodes were written")
        n_bytes = sum(file.stat().st_blocks * _BLOCK_BYTES for file in Path(name).glob("*/episode_*"))
    return n_bytes / n_episodes, 1e6 * secs / n_episodes
