"""While the server is away: the ring holds what fits, the spool what is over, and all of it arrives in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.publish import PublisherLimits
from recorder.publish.delivery import backlog
from recorder.publish.delivery.packet import News, Packet
from recorder.publish.delivery.spool import Spool
from recorder.step_stream import CHUNK, Outgoing, Play
from tests.capture.recorded import finished_episodes
from tests.publish.scene import Scene, n_steps_there
from tests.publish.small_disk import small_disk
from tests.publish.trainer import RUN

N_STEPS = 20_000
"""Twice what the ring holds."""


def packet(sequence: int) -> Packet:
    play = Play(1, 1000)
    news = News(play, chunk=(sequence, sequence, 1))
    return Packet(news, (Outgoing(play, sequence, CHUNK, b"x" * 100),), needed_from=sequence)


def test_packets_come_back_in_order_and_the_file_goes_with_the_last(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=10_000)
    ends = [it.spool_end for it in spool.append([packet(n) for n in range(10)])]
    assert [it.news.chunk and it.news.chunk[0] for it in spool.read(4, 10**6)] == [0, 1, 2, 3]
    spool.acknowledged(ends[3])
    spool.close()
    later = Spool(tmp_path / "spool", max_bytes=10_000, done=ends[3])
    found = later.read(100, 10**6)
    assert [it.spool_end for it in found] == ends[4:]
    assert found[0].entries == [Outgoing(Play(1, 1000), 4, CHUNK, b"x" * 100)]
    assert not later.has_unread
    later.acknowledged(ends[-1])
    assert not (tmp_path / "spool").exists()
    assert later.append([packet(10)])[0].spool_end > ends[-1], "offsets go on, whatever file they are in"


@pytest.mark.parametrize("n_torn", [1, 20, 100])
def test_a_packet_that_is_torn_was_never_spooled(tmp_path: Path, n_torn: int) -> None:
    path = tmp_path / "spool"
    Spool(path, max_bytes=10_000).append([packet(n) for n in range(3)])
    path.write_bytes(path.read_bytes()[:-n_torn])
    spool = Spool(path, max_bytes=10_000)
    assert len(list(spool.waiting())) == 2
    spool.append([packet(7)])
    assert [it.news.chunk and it.news.chunk[0] for it in spool.read(9, 10**6)] == [0, 1, 7]


class Outage:
    """A server that is away while a trainer writes more than its ring holds."""

    def __init__(self, folder: Path, *, spool_bytes: int, max_pending_bytes: int = 2000) -> None:
        self.scene = Scene(folder, 0, n_calls=0)
        self.scene.limits = replace(self.scene.limits, spool_bytes=spool_bytes, max_pending_bytes=max_pending_bytes)
        self.scene.stream.is_away = True
        self.n_written = 0
        self.n_idle = 0
        self.n_written_while_away = 0
        self.is_closed = False

    def step(self) -> bool:
        """One more turn: write what fits; the server comes back when nothing moves any more, and then the run ends."""
        trainer, before = self.scene.trainer, self.n_written
        while self.n_written < N_STEPS and trainer.writer.room(20_000):
            trainer.steps(0, range(self.n_written, self.n_written + 100))
            self.n_written += 100
        self.n_idle = 0 if self.n_written > before else self.n_idle + 1
        if self.n_idle > 50 and self.scene.stream.is_away:
            self.n_written_while_away = self.n_written
            self.scene.stream.is_away = False
        if not self.scene.stream.is_away and self.n_written == N_STEPS and not self.is_closed:
            self.is_closed = True
            trainer.finish(0)
            trainer.close()
        return False


def assert_whole(scene: Scene) -> None:
    assert finished_episodes(scene.stream, RUN)[0].metadata.n_steps == N_STEPS
    assert scene.counters()["recorded_steps"] == N_STEPS
    assert n_steps_there(scene.stream) == N_STEPS
    assert scene.trainer.ring.tail == scene.trainer.ring.head
    assert not scene.spool.exists()


@pytest.mark.parametrize("max_pending_bytes", [2000, PublisherLimits().max_pending_bytes])
def test_what_the_ring_can_t_hold_waits_in_the_spool(tmp_path: Path, max_pending_bytes: int) -> None:
    outage = Outage(tmp_path, spool_bytes=2**22, max_pending_bytes=max_pending_bytes)
    assert outage.scene.send(outage.step)
    assert outage.n_written_while_away == N_STEPS
    assert_whole(outage.scene)


def test_without_a_spool_the_ring_is_full_and_nothing_in_it_is_lost(tmp_path: Path) -> None:
    outage = Outage(tmp_path, spool_bytes=0)

    assert outage.scene.send(outage.step)
    assert outage.n_written_while_away < N_STEPS
    assert_whole(outage.scene)


def test_a_successor_sends_what_is_in_the_spool_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "FLUSH_PACKETS", 10)
    outage = Outage(tmp_path, spool_bytes=2**22)
    scene = outage.scene
    scene.stream.dies_at = {2, 4}
    while not scene.send(outage.step):
        scene.stream.dies_after = not scene.stream.dies_after
    assert scene.n_senders == 3
    assert outage.n_written_while_away == N_STEPS
    assert_whole(scene)


def test_a_full_disk_under_the_spool_is_said_and_costs_nothing(tmp_path: Path) -> None:
    outage = Outage(tmp_path, spool_bytes=2**22)
    with small_disk(8_000):

        def step() -> bool:
            outage.step()
            return not outage.scene.stream.is_away

        assert not outage.scene.send(step)
    assert outage.n_written_while_away < N_STEPS
    said = [text for _, text in outage.scene.said if "the spool can't be written" in text]
    assert said
    assert "File too large" in said[0]

    assert outage.scene.send(outage.step)
    assert_whole(outage.scene)


def test_a_spool_that_is_full_is_said_once_and_the_ring_goes_on(tmp_path: Path) -> None:
    outage = Outage(tmp_path, spool_bytes=12_000)

    assert outage.scene.send(outage.step)
    assert len([text for _, text in outage.scene.said if "the spool is full" in text]) == 1
    assert_whole(outage.scene)


def test_a_successor_of_a_sender_that_never_reached_the_server_goes_on_after_the_spool(tmp_path: Path) -> None:
    outage = Outage(tmp_path, spool_bytes=2**22)
    scene = outage.scene

    def step() -> bool:
        outage.step()
        return outage.n_written == N_STEPS and outage.n_idle > 5

    assert not scene.send(step)
    assert scene.spool.exists()
    assert scene.trainer.ring.tail > 0
    outage.n_written_while_away = outage.n_written
    scene.stream.is_away = False
    assert scene.send(outage.step)
    assert_whole(scene)
