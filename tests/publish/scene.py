"""A trainer that makes its calls while senders come and go, and what the stream holds in the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from recorder.chunk import decode_chunk
from recorder.publish import PublisherLimits
from recorder.publish.publisher import Publisher
from recorder.schema import EpisodeSchema
from recorder.step_stream import CHUNK, HEADER, unpack_body
from tests.capture.recorded import ends, finished_episodes
from tests.publish.far_stream import DiedError, FarStream
from tests.publish.random_trainer import calls
from tests.publish.trainer import RUN, Messages, Trainer

__all__ = ["LIMITS", "Scene", "content", "n_steps_there", "said_of_ends"]

LIMITS = PublisherLimits(flush_interval_secs=1e-6, heartbeat_secs=1e-6)


class Scene:
    """A trainer that makes its calls while senders come and go."""

    def __init__(
        self, folder: Path, seed: int, *, n_calls: int = 25, capacity: int = 2**20, aborts: bool = True
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.trainer = Trainer(folder / "ring", capacity=capacity)
        self.journal = folder / "journal"
        self.spool = folder / "spool"
        self.limits = LIMITS
        self.stream = FarStream()
        self.said = Messages()
        self.n_senders = 0
        self._chance = random.Random(seed)
        self._calls = calls(self.trainer, seed, n_calls, aborts=aborts)
        self.publisher: Publisher

    def step(self) -> bool:
        """The trainer's next calls, between two turns of the sender; it never is enough."""
        for _ in range(self._chance.choice((0, 1, 1, 2, 5))):
            call = next(self._calls, None)
            if call is None:
                break
            call()
        return False

    def send(self, until: Callable[[], bool] | None = None) -> bool:
        """One sender's life; False when it was killed."""
        self.n_senders += 1
        self.publisher = Publisher(
            self.stream, self.trainer.ring, self.journal, self.limits, spool=self.spool, on_message=self.said
        )
        try:
            return self.publisher.run(until or self.step)
        except DiedError:
            return False
        finally:
            self.publisher._outbox.close()

    def send_all(self) -> None:
        while not self.send():
            assert self.n_senders < 1000, self.said

    def close(self) -> None:
        self.trainer.ring.close()

    def counters(self) -> dict[str, int]:
        stats = self.trainer.ring.stats()
        names = ("recorded_steps", "refused_steps", "lost_steps", "refused_episodes", "episodes_started")
        more = ("episodes_finished", "episodes_aborted", "lost_episodes", "mismatched_values")
        return {name: stats[f"n_{name}"] for name in names + more}


def content(stream: FarStream) -> dict[int, Any]:
    """All that the ended episodes hold, without what depends on the clock or on where chunks end."""
    found = {}
    for episode_id, ended in finished_episodes(stream, RUN).items():
        meta = ended.metadata
        names = ended.episode.names
        columns = {name: np.nan_to_num(ended.episode.column(name).astype(float)).tolist() for name in names}
        found[episode_id] = (
            meta.n_steps, ended.gaps, meta.lane, str(meta.status), meta.total_reward, meta.survival_steps,
            sorted(ended.body["manual"]), columns,
        )  # fmt: skip
    return found


def said_of_ends(stream: FarStream) -> list[tuple[Any, ...]]:
    return sorted((body["kind"], body.get("episode_id", -1), body.get("reason", "")) for body in ends(stream, RUN))


def n_steps_there(stream: FarStream) -> int:
    """Steps in the chunks that a reader finds."""
    n_steps = 0
    for episode_id in stream.episodes_held(RUN):
        schema: EpisodeSchema | None = None
        for entry in stream.read_episode(RUN, episode_id, limit=10**6):
            if entry.kind == HEADER:
                schema = EpisodeSchema.from_list(unpack_body(entry.data)["schema"])
            elif entry.kind == CHUNK and schema is not None:
                n_steps += decode_chunk(entry.data, schema).n_steps
    return n_steps
