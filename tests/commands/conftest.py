"""A small catalog with files, and the command line called as a user calls it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgpack
import pytest

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.step_stream import Flush, Play, RedisStepStream
from recorder.storage import LocalStorage, episode_path

RUN = "run-a"
N_RECORDINGS = 4
FILE_BYTES = 1000

WHY = [
    {"criterion": "periodic", "keep": False, "value": 30, "threshold": 100, "detail": "30 is not divisible by 100"},
    {"criterion": "performance", "keep": False, "value": 1.5, "threshold": 9.0, "detail": "below the best tenth"},
]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but what the test gives, and an empty current folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder with a catalog of four recordings of episodes 0, 10, 20, 30 days old, and a skipped episode 30."""
    root = tmp_path / "recordings"
    storage = LocalStorage(root)
    now = datetime.now(UTC)
    with Catalog(root_catalog(root)) as catalog:
        rows = []
        for index in range(N_RECORDINGS):
            place = episode_path(RUN, index)
            storage.write_all({place: b"x" * FILE_BYTES})
            shared: dict[str, Any] = {
                "run_id": RUN,
                "episode_id": index,
                "total_reward": 10.0 * index,
                "survival_steps": 100 + index,
                "curriculum_stage": 1 + index // 2,
                "reasons": ("periodic_100",) if index % 2 else ("top_10.0pct", "manual_x"),
                "timestamp": now.timestamp() - 86400.0 * 10 * index,
            }
            recording = RecordingRow(
                **shared, file_path=place, file_size_bytes=5 * FILE_BYTES, compressed_size_bytes=FILE_BYTES
            )
            rows.append((EpisodeRow(**shared, decision="kept", n_steps=100 + index, n_missing_steps=index), recording))
        catalog.import_recordings(rows)
        skipped = EpisodeRow(
            run_id=RUN, episode_id=30, decision="skipped", why_json=json.dumps(WHY), total_reward=float("nan")
        )
        catalog.commit_evaluation(
            RUN, old_cursor="0-0", new_cursor="5-0", criteria_state={}, new_episodes=[skipped], decided=[], at=now
        )
    return root


def root_catalog(root: Path) -> Path:
    """The catalog of a recordings folder."""
    root.mkdir(exist_ok=True)
    return root / "catalog.db"


@pytest.fixture
def stream(redis_url: str) -> Iterator[RedisStepStream]:
    """The session's server with a live run: a trainer, an open episode, three undecided ones."""
    stream = RedisStepStream(redis_url)
    counters = {"n_recorded_steps": 640, "n_dropped_steps": 5, "n_lost_steps": 2, "host": "here", "closed": False}
    counters |= {"call_median_us": 3.25, "call_p99_us": 41.5}
    stream.beat(RUN, "p1", counters, info={"host": "here"}, now=time.time())
    ends = [msgpack.packb({"kind": "end", "episode_id": index}) for index in range(3)]
    stream.send(RUN, Flush(finished=ends, active={Play(7, 1): time.time()}))
    yield stream
    stream.close()
