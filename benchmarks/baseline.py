"""The design that this project is measured against: one process, a queue, a thread, a dataclass a step.

It is written from its description, the way a careful engineer would write it. The choices that the description leaves
open, each taken for speed or in its favour:

* ``record_step`` clones tensors to the CPU, as described, and makes the dataclass; turning tensors into the tuples of
  ``RecordedStep`` is left to the writer's thread, so that the trainer's call is as short as it can be.
* A full queue drops the step. The first drop of an episode is logged as a warning, the others are only counted: a line
  a step would cost more than the step.
* ``on_full="block"`` makes the same design lose nothing, for the figures that say so.
* The end of an episode waits for room in the queue: without it the whole episode would be lost.
* The file is written in place and not synced; ours is synced, renamed, and its folder synced.
* One SQLite connection in the writer, in WAL mode with ``synchronous=NORMAL``, one commit an episode.
* ``dataclasses.asdict`` makes the maps, as described; ``lz4.frame`` at level 0, msgpack with its defaults.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import lz4.frame
import msgpack
import torch

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "BaselineMetadata",
    "BaselineRecorder",
    "BaselineStep",
    "BaselineWriter",
    "EpisodeEndMarker",
    "load_episode",
    "query_count",
]

_log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS recordings (
    episode_id INTEGER PRIMARY KEY, survival_steps INTEGER, total_reward REAL, curriculum_stage INTEGER,
    recording_reason TEXT, timestamp REAL, file_path TEXT, file_size_bytes INTEGER, compressed_size_bytes INTEGER
)
"""


@dataclass(slots=True)
class BaselineStep:
    """A step; its sequences are tensors until the writer makes them tuples."""

    step: int
    position: Any
    meters: Any
    action: int
    reward: float
    intrinsic_reward: float
    done: bool
    q_values: Any = None
    time_of_day: int | None = None
    interaction_progress: float | None = None
    action_masks: Any = None


@dataclass(slots=True)
class BaselineMetadata:
    """What is known of an episode when it ends."""

    episode_id: int
    survival_steps: int
    total_reward: float
    extrinsic_reward: float
    intrinsic_reward: float
    curriculum_stage: int
    epsilon: float
    intrinsic_weight: float
    timestamp: float
    affordance_layout: dict[str, tuple[int, int]]
    affordance_visits: dict[str, int]


@dataclass(slots=True)
class EpisodeEndMarker:
    """The last item of an episode."""

    episode_id: int
    metadata: BaselineMetadata


class BaselineRecorder:
    """What the trainer calls.

    Args:
        queue_maxsize: steps that may wait.
        on_full: ``drop`` loses the step, ``block`` waits.
    """

    def __init__(self, queue_maxsize: int = 1000, *, on_full: Literal["drop", "block"] = "drop") -> None:
        self.queue: queue.Queue[tuple[int, BaselineStep] | EpisodeEndMarker | None] = queue.Queue(queue_maxsize)
        self.n_lost: Counter[int] = Counter()
        self._blocks = on_full == "block"

    def record_step(
        self,
        episode_id: int,
        step: int,
        position: torch.Tensor,
        meters: torch.Tensor,
        action: int,
        reward: float,
        intrinsic_reward: float,
        done: bool,
        q_values: torch.Tensor | None = None,
        time_of_day: int | None = None,
        interaction_progress: float | None = None,
        action_masks: torch.Tensor | None = None,
    ) -> None:
        """Hand one step to the writer."""
        recorded = BaselineStep(
            step,
            position.detach().cpu().clone(),
            meters.detach().cpu().clone(),
            action,
            reward,
            intrinsic_reward,
            done,
            None if q_values is None else q_values.detach().cpu().clone(),
            time_of_day,
            interaction_progress,
            None if action_masks is None else action_masks.detach().cpu().clone(),
        )
        if self._blocks:
            self.queue.put((episode_id, recorded))
            return
        try:
            self.queue.put_nowait((episode_id, recorded))
        except queue.Full:
            self.n_lost[episode_id] += 1
            if self.n_lost[episode_id] == 1:
                _log.warning("queue full, dropping steps of episode %d", episode_id)

    def finish_episode(self, episode_id: int, metadata: BaselineMetadata) -> None:
        """End an episode."""
        self.queue.put(EpisodeEndMarker(episode_id, metadata))


class BaselineWriter:
    """The thread that buffers episodes, writes their files and indexes them; leaving its block writes what is left.

    Args:
        recorder: where the steps come from.
        database: path of the SQLite file.
        recordings_dir: folder of the files.
    """

    def __init__(self, recorder: BaselineRecorder, database: Path, recordings_dir: Path) -> None:
        self._recorder = recorder
        self._database = database
        self._recordings_dir = recordings_dir
        self._thread = threading.Thread(target=self._run, name="baseline-writer", daemon=True)

    def __enter__(self) -> Self:
        self._recordings_dir.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Write everything that was handed over and end."""
        if self._thread.is_alive():
            self._recorder.queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        connection = sqlite3.connect(self._database)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(_SCHEMA)
        buffers: dict[int, list[BaselineStep]] = {}
        while (item := self._recorder.queue.get()) is not None:
            if isinstance(item, EpisodeEndMarker):
                self._write(connection, item, buffers.pop(item.episode_id, []))
            else:
                buffers.setdefault(item[0], []).append(_with_tuples(item[1]))
        connection.close()

    def _write(self, connection: sqlite3.Connection, end: EpisodeEndMarker, steps: list[BaselineStep]) -> None:
        metadata = end.metadata
        packed = msgpack.packb(
            {
                "version": 1,
                "metadata": asdict(metadata),
                "steps": [asdict(step) for step in steps],
                "affordances": metadata.affordance_layout,
            }
        )
        compressed = lz4.frame.compress(packed, compression_level=0)
        path = self._recordings_dir / f"episode_{end.episode_id:06d}.msgpack.lz4"
        path.write_bytes(compressed)
        connection.execute(
            "INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                end.episode_id,
                metadata.survival_steps,
                metadata.total_reward,
                metadata.curriculum_stage,
                "periodic_1",
                metadata.timestamp,
                str(path),
                len(packed),
                len(compressed),
            ),
        )
        connection.commit()


def _with_tuples(step: BaselineStep) -> BaselineStep:
    step.position = tuple(step.position.tolist())
    step.meters = tuple(step.meters.tolist())
    if step.q_values is not None:
        step.q_values = tuple(step.q_values.tolist())
    if step.action_masks is not None:
        step.action_masks = tuple(step.action_masks.tolist())
    return step


def load_episode(path: Path) -> tuple[BaselineMetadata, list[BaselineStep]]:
    """Read a file back: decompressed, unpacked, a list of steps."""
    content = msgpack.unpackb(lz4.frame.decompress(path.read_bytes()), use_list=False)
    return BaselineMetadata(**content["metadata"]), [BaselineStep(**step) for step in content["steps"]]


def query_count(database: Path) -> int:
    """Recordings in the index."""
    connection = sqlite3.connect(database)
    try:
        return int(connection.execute("SELECT count(*) FROM recordings").fetchone()[0])
    finally:
        connection.close()


def metadata_of(episode_id: int, n_steps: int, layout: dict[str, tuple[int, int]]) -> BaselineMetadata:
    """The metadata of an episode of the benchmark."""
    values: dict[str, Any] = {field.name: 0 for field in fields(BaselineMetadata)}
    return BaselineMetadata(
        **values
        | {
            "episode_id": episode_id,
            "survival_steps": n_steps,
            "total_reward": float(n_steps),
            "timestamp": time.time(),
            "affordance_layout": layout,
            "affordance_visits": dict.fromkeys(layout, 3),
        }
    )
