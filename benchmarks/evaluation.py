"""How fast finished episodes are decided and committed: a real server, SQLite, the default criteria, 64 lanes."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import msgpack
import numpy as np

from recorder.catalog import Catalog
from recorder.episode import EpisodeMetadata
from recorder.redis_server.embedded import EmbeddedServer
from recorder.runtime.garbage_collection import relax_garbage_collection
from recorder.settings import CriteriaSettings
from recorder.step_stream import HEADER, Flush, Outgoing, Play, RedisStepStream, episode_end
from recorder.storage import open_storage
from worker.criteria import build_criteria
from worker.ingest import IngestContext, evaluate_run

__all__ = ["measure_evaluate"]

N_LANES = 64
_EPISODES_PER_STAGE = 4_000
_FLUSH_EPISODES = 500


def measure_evaluate(*, quick: bool) -> dict[str, float]:
    """``evaluate_per_s``: the ends lie in the stream before the clock starts; streams of skipped episodes are dropped.

    Python looks for circles of objects as rarely as in a worker process.
    """
    n_repeats, n_episodes = (1, 500) if quick else (5, 20_000)
    rates = []
    usual = gc.get_threshold()
    relax_garbage_collection()
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name, EmbeddedServer(Path(name, "server")) as server:
        stream = RedisStepStream(server.url)
        for repeat in range(n_repeats):
            run_id = f"bench-{repeat}"
            for flush in _ended_episodes(n_episodes, seed=repeat):
                stream.send(run_id, flush)
            with Catalog(Path(name, f"{run_id}.db")) as catalog:
                context = IngestContext(
                    stream=stream,
                    catalog=catalog,
                    storage=open_storage(str(Path(name, "recordings"))),
                    make_criteria=lambda: build_criteria(CriteriaSettings().model_dump(exclude={"custom"})),
                )
                began = time.perf_counter()
                done = evaluate_run(context, run_id)
                rates.append(n_episodes / (time.perf_counter() - began))
                if done.n_episodes != n_episodes:
                    raise RuntimeError(f"{done.n_episodes} of {n_episodes} episodes were decided")
        stream.close()
    gc.set_threshold(*usual)
    gc.unfreeze()
    return {"evaluate_per_s": median(rates)}


def _ended_episodes(n_episodes: int, *, seed: int) -> Iterator[Flush]:
    """What a trainer would have sent: for each episode a stream with a header, and its end."""
    random = np.random.default_rng(seed)
    for first in range(0, n_episodes, _FLUSH_EPISODES):
        flush = Flush()
        for episode_id in range(first, min(first + _FLUSH_EPISODES, n_episodes)):
            play = Play(episode_id, 1_700_000_000_000 + episode_id)
            metadata = EpisodeMetadata(
                episode_id=episode_id,
                lane=episode_id % N_LANES,
                n_steps=500,
                survival_steps=500,
                total_reward=float(random.normal(100, 30)),
                curriculum_stage=1 + episode_id // _EPISODES_PER_STAGE,
                timestamp=1_700_000_000.0 + episode_id,
                finished_unix_nanos=(1_700_000_000 + episode_id) * 10**9,
            )
            body = episode_end(
                metadata.to_map(), play_id=play.play_id, producer_id="bench", n_bytes=17_000, last_sequence=4
            )
            flush.entries.append(Outgoing(play, 1, HEADER, msgpack.packb(metadata.to_map())))
            flush.finished.append(msgpack.packb(body))
        yield flush
