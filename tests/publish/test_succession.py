"""A sender that dies at any flush, and its successor: the stream is the one that a sender without a death would have left."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder.publish import Publisher, PublisherLimits, publisher, succession
from tests.capture.recorded import ends, finished_episodes
from tests.publish.far_stream import DiedError, FarStream
from tests.publish.random_trainer import calls
from tests.publish.trainer import RUN, Messages, Trainer

SEEDS = range(3)
N_DEATHS = 5
"""Of all flushes of a run, drawn by the seed."""

LIMITS = PublisherLimits(flush_interval_secs=1e-6, heartbeat_secs=1e-6)


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(succession, "_SECOND_LOOK_SECS", 0)
    monkeypatch.setattr(publisher, "_SHORTEST_PAUSE_SECS", 0)
    monkeypatch.setattr(publisher, "_LONGEST_PAUSE_SECS", 0)
    monkeypatch.setattr(publisher, "_FIRST_BACKOFF_SECS", 0)


class Scene:
    """A trainer that makes its calls while senders come and go."""

    def __init__(self, folder: Path, seed: int, *, n_calls: int = 25, capacity: int = 2**20) -> None:
        folder.mkdir(exist_ok=True)
        self.trainer = Trainer(folder / "ring", capacity=capacity)
        self.journal = folder / "journal"
        self.spool = folder / "spool"
        self.limits = LIMITS
        self.stream = FarStream()
        self.said = Messages()
        self.n_senders = 0
        self._chance = random.Random(seed)
        self._calls = calls(self.trainer, seed, n_calls)
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


@pytest.mark.parametrize("seed", SEEDS)
def test_a_successor_at_any_flush_leaves_the_stream_of_a_sender_without_a_death(tmp_path: Path, seed: int) -> None:
    whole = Scene(tmp_path / "whole", seed)
    whole.send_all()
    expected, counters, ended = content(whole.stream), whole.counters(), said_of_ends(whole.stream)
    assert sum(counters[name] for name in ("recorded_steps", "refused_steps")) == (whole.trainer.n_steps)
    n_flushes = whole.stream.n_flushes
    whole.close()
    for number in sorted(random.Random(seed).sample(range(1, n_flushes + 1), min(N_DEATHS, n_flushes))):
        for arrives in (False, True):
            scene = Scene(tmp_path / f"{number}{arrives}", seed)
            scene.stream.dies_at, scene.stream.dies_after = {number}, arrives
            scene.send_all()
            assert content(scene.stream) == expected, (number, arrives, scene.said)
            assert said_of_ends(scene.stream) == ended, (number, arrives)
            assert scene.counters() == counters, (number, arrives)
            assert scene.stream.open_plays(RUN) == []
            assert scene.trainer.ring.tail == scene.trainer.ring.head
            scene.close()
