"""The replay server under load, by programs of their own over loopback.

* ``viewers_json``: connections that each get 30 ``state_update``s a second with gaps whose p99 is under 60 ms; the
  largest number tried that stays under it. Server and load generator share the machine.
* ``viewers_binary``: connections that play 30 steps a second from chunks without one coming late.
* ``server_rss_mb``: resident memory after a picture of each of 10,000 different episodes was drawn; the caches are set to 64 MiB.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.replay_server import DEADLINE_SECS, get, serving
from benchmarks.steps import GRID_SIZE, LAYOUT, METER_NAMES, N_STEPS, episode_arrays
from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.child_process import ChildProcess
from recorder.chunk import MAX_CHUNK_STEPS, ColumnData, encode_chunk, spec_of
from recorder.episode import EpisodeMetadata
from recorder.episode_file import build_version2
from recorder.schema import EpisodeSchema
from recorder.storage import episode_path

__all__ = ["measure_server_rss", "measure_viewers_binary", "measure_viewers_json"]

_RUN = "bench"
_N_EPISODES = 20
_MAX_GAP_MILLIS = 60.0


def measure_viewers_json(*, quick: bool) -> dict[str, float]:
    """``viewers_json``, with ``viewers_json_gap_p99_ms`` at that number."""
    counts, secs = ((20,), 1.0) if quick else ((100, 200, 300, 400, 500, 600, 800, 1000), 6.0)
    best = {"viewers_json": 0.0, "viewers_json_gap_p99_ms": float("inf")}
    with _library(_N_EPISODES) as folder, serving(folder) as port:
        for n_viewers in counts:
            seen = _load(folder, port, n_viewers, secs, "json")
            if seen["n_over"] or seen["n_silent"] or seen["gap_p99_ms"] >= _MAX_GAP_MILLIS:
                break
            best = {"viewers_json": float(n_viewers), "viewers_json_gap_p99_ms": seen["gap_p99_ms"]}
    return best


def measure_viewers_binary(*, quick: bool) -> dict[str, float]:
    """``viewers_binary``."""
    counts, secs = ((20,), 1.0) if quick else ((250, 500, 1000), 20.0)
    best = 0
    with _library(_N_EPISODES) as folder, serving(folder) as port:
        for n_viewers in counts:
            seen = _load(folder, port, n_viewers, secs, "binary")
            if seen["n_over"] or seen["n_silent"] or seen["n_stalls"]:
                break
            best = n_viewers
    return {"viewers_binary": float(best)}


def measure_server_rss(*, quick: bool) -> dict[str, float]:
    """``server_rss_mb``, with ``server_rss_start_mb`` before the first was opened."""
    n_episodes = 100 if quick else 10_000
    with _library(n_episodes) as folder, serving(folder) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECS)
        start = _resident_mb(connection)
        for episode_id in range(n_episodes):
            get(connection, f"/api/v1/episodes/{_RUN}/{episode_id}/thumbnail.png")
        return {"server_rss_mb": _resident_mb(connection), "server_rss_start_mb": start}


@contextmanager
def _library(n_episodes: int) -> Iterator[Path]:
    """A folder with recordings of 500 steps; their chunks are the same, which no cache can know."""
    arrays = episode_arrays()
    columns = {name: getattr(arrays, name)[:, 0] for name in arrays.__dataclass_fields__}
    schema = EpisodeSchema(tuple(spec_of(name, values) for name, values in columns.items()))
    chunks = []
    for start in range(0, N_STEPS, MAX_CHUNK_STEPS):
        part = {name: ColumnData(values[start : start + MAX_CHUNK_STEPS]) for name, values in columns.items()}
        n_steps = min(MAX_CHUNK_STEPS, N_STEPS - start)
        chunks.append((start, n_steps, encode_chunk(schema, first_step=start, n_steps=n_steps, columns=part)))
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        rows = []
        for episode_id in range(n_episodes):
            metadata = EpisodeMetadata(
                episode_id=episode_id,
                run_id=_RUN,
                survival_steps=N_STEPS,
                meter_names=METER_NAMES,
                grid_size=GRID_SIZE,
                affordance_layout=LAYOUT,
            )
            data, content_hash, _ = build_version2(metadata=metadata, reasons=["bench"], schema=schema, chunks=chunks)
            place = episode_path(_RUN, episode_id)
            (folder / place).parent.mkdir(exist_ok=True)
            (folder / place).write_bytes(data)
            shared: dict[str, Any] = {
                "run_id": _RUN,
                "episode_id": episode_id,
                "n_steps": N_STEPS,
                "reasons": ("bench",),
            }
            recording = RecordingRow(
                **shared, file_path=place, content_hash=content_hash, compressed_size_bytes=len(data)
            )
            rows.append((EpisodeRow(**shared), recording))
        with Catalog(folder / "catalog.db") as catalog:
            catalog.import_recordings(rows)
        yield folder


def _load(folder: Path, port: int, n_viewers: int, secs: float, mode: str) -> Mapping[str, Any]:
    """What so many viewers saw."""
    log = folder / f"viewers-{mode}-{n_viewers}.log"
    arguments = [str(port), _RUN, str(_N_EPISODES), str(n_viewers), str(secs), mode]
    with ChildProcess([sys.executable, "-m", "benchmarks.replay_viewers", *arguments], log=log) as viewers:
        deadline = time.monotonic() + secs + DEADLINE_SECS
        while viewers.is_alive and time.monotonic() < deadline:
            time.sleep(0.1)
        seen: Mapping[str, Any] = json.loads(viewers.log_tail(1))
        print(f"  {mode} {seen}", file=sys.stderr)
        return seen


def _resident_mb(connection: http.client.HTTPConnection) -> float:
    found = re.search(rb"process_resident_memory_bytes ([0-9.e+]+)", get(connection, "/metrics"))
    assert found is not None
    return float(found[1]) / 1e6
