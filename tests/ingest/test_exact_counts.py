"""What a trainer counts is what there is: recorded and missing steps make up all that were handed over, and the recorded ones are
found in files, whatever happens to sender processes and to the server's data."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import redis

from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.catalog import Catalog
from recorder.publish.delivery import recent
from recorder.step_stream import RedisStepStream
from tests.capture.recorded import assert_adds_up, record
from tests.ingest.rig import RUN, Rig, work
from tests.waiting import wait_until

N_LANES = 4

N_KILLS = 4


@pytest.fixture
def rig(redis_client: redis.Redis, redis_url: str, folder: Path) -> Iterator[Rig]:
    stream = RedisStepStream(redis_url)
    with Catalog(folder / "catalog.db") as catalog:
        yield Rig(stream, catalog, folder)
    stream.close()


class Trained:
    """A trainer of several lanes, by steps and by batches, and what it has handed over."""

    def __init__(self, redis_url: str, *, sender: Literal["process", "thread"] = "process") -> None:
        limits = PublisherLimits(flush_interval_secs=0.01, heartbeat_secs=0.02)
        self.recorder = EpisodeRecorder(redis_url, run_id=RUN, limits=limits, on_full="block", sender=sender)
        self.n_steps = 0
        self._next_episode = 0

    def play(self, n_steps: int, *, ends: bool = True) -> list[int]:
        """An episode by steps, and one a lane by batches."""
        first = self._next_episode
        lanes = np.arange(N_LANES)
        self._next_episode += 1 + N_LANES
        record(self.recorder, first, range(n_steps))
        for step in range(n_steps):
            self.recorder.record_batch(first + 1 + lanes, [step] * N_LANES, None, None, lanes, lanes)
        self.n_steps += n_steps * (1 + N_LANES)
        episode_ids = list(range(first, self._next_episode))
        for episode_id in episode_ids if ends else ():
            self.recorder.finish_episode(episode_id)
        return episode_ids

    def wait_sent(self) -> None:
        def is_sent() -> bool:
            stats = self.recorder.stats()
            is_encoded = stats.n_recorded_steps + stats.n_missing_steps == self.n_steps
            return is_encoded and stats.n_bytes_pending == 0

        wait_until(is_sent, message="all steps with the server")


def write_all(rig: Rig) -> int:
    """Everything that workers can still make of the run; the steps in all files."""
    for _ in range(3):
        rig.look_in_vain()
        work(rig.worker())
    return sum(rig.episode(episode_id).n_steps for episode_id in rig.recorded_ids())


def kill_sender(trained: Trained) -> None:
    """End the process, and wait until its trainer has noticed."""
    pid = trained.recorder.sender_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    wait_until(
        lambda: trained.recorder.stats() and trained.recorder.sender_pid not in (pid, None),
        message="another sender process",
    )


@pytest.mark.parametrize("is_emptied", [False, True], ids=["redis stays", "redis is emptied"])
def test_repeatedly_killed_senders_leave_exact_counts(
    rig: Rig, redis_client: redis.Redis, redis_url: str, is_emptied: bool
) -> None:
    trained = Trained(redis_url)
    dice = random.Random(5)
    for _ in range(N_KILLS):
        for _ in range(dice.randrange(1, 8)):
            trained.play(dice.randrange(1, 700), ends=dice.random() < 0.7)
        if is_emptied and dice.random() < 0.7:
            redis_client.flushall()
        kill_sender(trained)
        if is_emptied and dice.random() < 0.5:
            redis_client.flushall()
        work(rig.worker())
    trained.play(300)
    assert trained.recorder.close()
    stats = trained.recorder.stats()
    assert_adds_up(stats, trained.n_steps)
    assert (stats.n_missing_steps > 0) == is_emptied
    assert write_all(rig) == stats.n_recorded_steps
    told = rig.stream.run_info(RUN).producers.values()
    assert sum(said["n_recorded_steps"] for said in told) == stats.n_recorded_steps


def test_a_sender_that_is_killed_while_the_recorder_closes_is_replaced(rig: Rig, redis_url: str) -> None:
    trained = Trained(redis_url)
    trained.play(500)
    trained.play(500, ends=False)
    assert trained.recorder.sender_pid is not None
    os.kill(trained.recorder.sender_pid, signal.SIGKILL)
    assert trained.recorder.close()
    stats = trained.recorder.stats()
    assert (stats.n_recorded_steps, stats.n_missing_steps) == (trained.n_steps, 0)
    assert write_all(rig) == stats.n_recorded_steps


def test_an_emptied_redis_gets_again_what_the_trainer_still_holds(
    rig: Rig, redis_client: redis.Redis, redis_url: str
) -> None:
    trained = Trained(redis_url)
    trained.play(300)
    open_episodes = trained.play(300, ends=False)
    trained.wait_sent()
    redis_client.flushall()
    for episode_id in open_episodes:
        trained.recorder.finish_episode(episode_id)
    assert trained.recorder.close()
    stats = trained.recorder.stats()
    assert (stats.n_recorded_steps, stats.n_missing_steps) == (trained.n_steps, 0)
    assert write_all(rig) == trained.n_steps
    assert rig.stream.run_info(RUN).info["config"] == {}


@pytest.mark.parametrize("goes_on", [True, False], ids=["sending", "silent"])
def test_steps_that_nobody_holds_after_flushall_count_as_lost(
    rig: Rig,
    redis_client: redis.Redis,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    goes_on: bool,
) -> None:
    monkeypatch.setattr(recent, "_RECENT_BYTES", 0)
    trained = Trained(redis_url, sender="thread")
    written = trained.play(300)
    trained.wait_sent()
    work(rig.worker())
    custody = trained.recorder._sender._publisher._outbox._ledger.custody  # type: ignore[attr-defined]
    wait_until(lambda: not custody.to_look_after(1), message="a look that finds them taken")
    lost = trained.play(200)
    opened = trained.play(100, ends=False)
    trained.wait_sent()
    redis_client.flushall()
    if goes_on:
        record(trained.recorder, opened[0], range(100, 150))
        trained.n_steps += 50
    wait_until(lambda: trained.recorder.stats().n_lost_episodes, message="the loss noticed")
    for episode_id in opened:
        trained.recorder.finish_episode(episode_id)
    assert trained.recorder.close()
    stats = trained.recorder.stats()
    assert_adds_up(stats, trained.n_steps)
    assert stats.n_lost_episodes == len(lost)
    assert stats.n_lost_steps == (1 + N_LANES) * (200 + 100)
    assert f"{stats.n_lost_steps} steps of {2 * len(lost)} episodes are lost" in caplog.text
    assert write_all(rig) == stats.n_recorded_steps
    assert set(rig.recorded_ids()) >= set(written)
    for episode_id in lost:
        row = rig.row(episode_id)
        assert (row.status, row.n_missing_steps) == ("aborted", 200)
        assert "lost its data" in str(row.error)
    if goes_on:
        (gap,) = rig.episode(opened[0]).metadata.gaps
        assert (gap.first_step, gap.end_step, gap.reason) == (0, 100, "lost")
        assert rig.row(opened[0]).n_missing_steps == 100
