"""A trainer without a network for so long that workers take it for dead: the counts of all agree in the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from recorder.capture import EpisodeRecorder, PublisherLimits
from recorder.catalog import Catalog
from recorder.sender.recovery import recover_folder
from recorder.step_stream import RedisStepStream
from recorder.storage import split_packed
from tests.ingest.rig import RUN, Rig, work
from tests.processes import is_alive, stop
from tests.sender.arrived import arrived_numbers
from tests.sender.flat_out import EPISODE_STEPS, accepted
from tests.sender.relay import Relay
from tests.sender.test_killed import counts_of, sender_of, start
from tests.waiting import DEADLINE_SECS, wait_until

LIMITS = PublisherLimits(flush_interval_secs=0.05, heartbeat_secs=0.1)


@pytest.fixture
def relay(redis_url: str) -> Iterator[Relay]:
    with Relay(redis_url) as relay:
        yield relay


@pytest.fixture
def rig(redis_url: str, tmp_path: Path) -> Iterator[Rig]:
    folder = tmp_path / "recordings"
    folder.mkdir()
    stream = RedisStepStream(redis_url)
    with Catalog(folder / "catalog.db") as catalog:
        yield Rig(stream, catalog, folder)
    stream.close()


def record(recorder: EpisodeRecorder, episode_id: int, steps: range) -> None:
    for step in steps:
        recorder.record_step(episode_id, step, (1, 2), [float(step)], step % 4, float(step))


def arrived_steps(rig: Rig, episode_id: int) -> int:
    """Steps of an open episode that the server has, as the workers would salvage it."""
    return sum(len(entry.data) > 0 for entry in rig.stream.read_episode(RUN, episode_id, limit=1000))


def give_up(rig: Rig) -> None:
    """Workers see no heartbeat for so long that they salvage what is open, and write it."""
    rig.look_in_vain()
    for _ in range(3):
        work(rig.worker())


def is_back(rig: Rig) -> bool:
    """Whether the trainer's heartbeat reaches the server again."""
    info = rig.stream.run_info(RUN)
    return any(said["heartbeat"] > info.missed_heartbeats[name].heartbeat for name, said in info.producers.items())


def settle(rig: Rig, recorder: EpisodeRecorder, n_steps: dict[int, int]) -> None:
    """Close the recorder, let the workers do their work, and compare what all have counted."""
    assert recorder.close(60.0)
    context = rig.worker()
    for _ in range(4):
        work(context)
        rig.late_secs += 10  # one that was written too early is tried again
    for episode_id, n in n_steps.items():
        row, episode = rig.row(episode_id), rig.episode(episode_id)
        assert (row.n_steps, row.n_missing_steps, episode.n_steps) == (n, 0, n), episode_id
        assert (row.status, episode.metadata.status, episode.gaps) == ("complete", "complete", ())
        np.testing.assert_array_equal(episode.column("reward"), np.arange(n))
    stats, summary = recorder.stats(), rig.catalog.summarise_run(RUN)
    assert stats.n_recorded_steps == summary.n_steps == sum(n_steps.values())
    assert (stats.n_missing_steps, stats.n_refused_episodes, rig.catalog.get_run(RUN).n_refused) == (0, 0, 0)
    assert len(rig.files()) == len(n_steps)
    assert rig.stream.episodes_held(RUN) == []


@pytest.mark.parametrize("sender", ["process", "thread"])
@pytest.mark.parametrize("ends", ["while it is cut off", "later"])
def test_what_it_records_meanwhile_continues_its_salvaged_episodes(
    rig: Rig, relay: Relay, sender: str, ends: str, tmp_path: Path
) -> None:
    recorder = EpisodeRecorder(
        relay.url, run_id=RUN, sender=sender, limits=LIMITS, black_box_dir=tmp_path / "boxes"  # type: ignore[arg-type]
    )  # fmt: skip
    for episode_id in (1, 2):
        record(recorder, episode_id, range(300))
    wait_until(lambda: recorder.stats().n_bytes_waiting == 0 and len(rig.stream.open_plays(RUN)) == 2)
    wait_until(lambda: arrived_steps(rig, 1) >= 2 and arrived_steps(rig, 2) >= 2)
    relay.cut()
    record(recorder, 1, range(300, 1000))
    if ends == "while it is cut off":
        recorder.finish_episode(1)
    record(recorder, 3, range(100))
    recorder.finish_episode(3)
    give_up(rig)
    assert {rig.row(n).status for n in (1, 2)} == {"salvaged"}
    relay.mend()
    record(recorder, 2, range(300, 700))
    wait_until(lambda: is_back(rig), message="the trainer's return")
    work(rig.worker())
    if ends == "later":
        recorder.finish_episode(1)
    recorder.finish_episode(2)
    settle(rig, recorder, {1: 1000, 2: 700, 3: 100})


def test_one_that_closes_while_it_is_cut_off_leaves_a_box_that_continues_its_salvaged_episodes(
    rig: Rig, relay: Relay, redis_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "boxes"
    recorder = EpisodeRecorder(relay.url, run_id=RUN, limits=LIMITS, black_box_dir=folder)
    record(recorder, 1, range(300))
    wait_until(lambda: arrived_steps(rig, 1) >= 2)
    relay.cut()
    record(recorder, 1, range(300, 1000))
    recorder.finish_episode(1)
    assert not recorder.close(0.5)
    give_up(rig)
    assert rig.row(1).status == "salvaged"
    assert recover_folder(folder, lambda _: RedisStepStream(redis_url), secs=DEADLINE_SECS) == 1
    context = rig.worker()
    for _ in range(4):
        work(context)
        rig.late_secs += 10
    assert (rig.row(1).n_steps, rig.row(1).status, rig.episode(1).n_steps) == (1000, "complete", 1000)
    assert (len(rig.files()), rig.catalog.get_run(RUN).n_refused, list(folder.iterdir())) == (1, 0, [])


def test_of_both_killed_the_salvaged_episode_goes_on_once_the_box_is_recovered(
    rig: Rig, redis_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "boxes"
    with start(redis_url, folder, "steps", run_id=RUN) as trainer:
        sender_pid = sender_of(trainer)
        wait_until(lambda: rig.stream.open_plays(RUN), message="an open episode")
        stop(sender_pid)
        n_open = len(rig.stream.open_plays(RUN))
        n_arrived = len(arrived_numbers(rig.stream, RUN))
        wait_until(lambda: accepted(counts_of(folder))[0] > n_arrived + 10 * EPISODE_STEPS, message="more steps")
        os.kill(sender_pid, signal.SIGKILL)
        trainer.kill()
        wait_until(lambda: not is_alive(sender_pid), message="the end of the sender")
    give_up(rig)
    rows = rig.catalog.list_episodes(run=RUN, limit=10_000).episodes
    assert [row.status for row in rows].count("salvaged") == n_open
    assert sum(row.n_steps for row in rows) == n_arrived
    assert recover_folder(folder, lambda _: RedisStepStream(redis_url), secs=DEADLINE_SECS) == 1
    for _ in range(2):
        give_up(rig)
        rig.late_secs += 10
    n_accepted, n_at_most = accepted(counts_of(folder))
    rows = rig.catalog.list_episodes(run=RUN, limit=10_000, order="episode_id").episodes
    assert n_accepted <= sum(row.n_steps for row in rows) <= n_at_most
    numbers = np.concatenate([rig.episode(row.episode_id).column("reward") for row in rows])
    np.testing.assert_array_equal(numbers, np.arange(sum(row.n_steps for row in rows)))
    assert [row.status for row in rows[:-1]] == ["complete"] * (len(rows) - 1)
    assert rig.catalog.get_run(RUN).n_refused == 0
    paths = [rig.catalog.get_recording(RUN, row.episode_id).file_path for row in rows]
    assert len(set(paths)) == len(rows)
    # A worker that finds many episodes at once writes several of them into one pack.
    assert rig.files() == sorted({(split_packed(path) or (path,))[0] for path in paths})
