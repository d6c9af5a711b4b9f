"""What one item that can't be dealt with costs: itself, and no other."""

from __future__ import annotations

import time

import pytest
from recorder.capture.copying import Layout
from recorder.capture.handover import Abort, CloseRun, Finish, Keep
from recorder.capture.intake import Intake
from recorder.capture.losses import TrainerLosses
from recorder.capture.outbox import Outbox
from recorder.capture.row_columns import ROW_FIELDS, Row
from recorder.capture.summary import RunIdentity

from recorder.publish.stats import RecorderStats
from recorder.step_stream import MemoryStepStream
from tests.capture.recorded import assert_adds_up, ends, finished_episodes

RUN = "run"


class Sender:
    """An intake, and the stream behind its outbox."""

    def __init__(self, *, max_bytes: int = 1_000_000) -> None:
        self.stats = RecorderStats()
        self.stream = MemoryStepStream()
        self.errors: list[Exception] = []
        self.outbox = Outbox(self.stream, RUN, producer_id="a", max_bytes=max_bytes, clock=time.time)
        self.intake = Intake(
            RunIdentity(RUN, "producer"),
            self.outbox,
            self.stats,
            away=TrainerLosses(),
            on_error=self.errors.append,
            clock=time.time,
        )

    def send(self) -> None:
        self.outbox.send({}, header_of=self.intake.header_of)


def row(episode_id: int, step: int, **values: object) -> Row:
    known = {"episode_id": episode_id, "step": step, "lane": 0, "layout": Layout(), "reward": 1.0, **values}
    return tuple(known.get(name) for name in ROW_FIELDS)


@pytest.fixture
def sender() -> Sender:
    return Sender()


def test_an_episode_that_can_t_be_ended_keeps_no_other_from_its_end_nor_the_run(sender: Sender) -> None:
    sender.intake.take([row(episode_id, step) for episode_id in (0, 1, 2) for step in range(5)])
    sender.intake.take([Keep(1, "bad\ud800"), CloseRun()])
    sender.send()
    assert sorted(finished_episodes(sender.stream, RUN)) == [0, 2]
    assert ends(sender.stream, RUN)[-1]["kind"] == "run_end"
    assert [type(error) for error in sender.errors] == [UnicodeEncodeError]


def test_an_episode_whose_header_can_t_be_written_is_not_said_to_have_ended(sender: Sender) -> None:
    sender.intake.take([row(0, step, extras={"caf\udce9": 1.0}) for step in range(300)])
    sender.intake.take([Finish(0), row(1, 0), CloseRun()])
    sender.send()
    assert [end.get("episode_id") for end in ends(sender.stream, RUN)] == [1, None]
    assert list(finished_episodes(sender.stream, RUN)) == [1]


def test_an_episode_whose_end_finds_no_room_does_not_count_the_steps_that_wait_as_lost() -> None:
    sender = Sender(max_bytes=4_000)
    sender.intake.take([row(0, step) for step in range(256)])
    for episode_id in range(1, 100):
        sender.intake.take([row(episode_id, 0), Finish(episode_id)])
    sender.intake.take([Finish(0)])
    stats = sender.stats
    assert stats.n_lost_episodes > 1
    assert stats.n_recorded_steps == sender.outbox.n_pending_steps
    assert_adds_up(stats, 256 + 99)
    assert str(sender.errors[-1]).startswith("the end of episode 0 found no room")


@pytest.mark.parametrize("late", [Keep, Abort])
def test_neither_keep_nor_abort_fills_memory_while_nothing_can_be_sent(late: type[Keep] | type[Abort]) -> None:
    sender = Sender(max_bytes=20_000)
    if late is Keep:
        sender.intake.take([Finish(episode_id) for episode_id in range(10)])
    sender.intake.take([late(number % 10 if late is Keep else number, "x" * 1000) for number in range(300)])
    assert sender.outbox.n_pending_bytes < 50_000
    n_refused = len(sender.errors)
    assert n_refused > 200
    if late is Abort:
        assert sender.stats.n_episodes_aborted + sender.stats.n_lost_episodes == 300
        assert sender.stats.n_lost_episodes == n_refused
    sender.send()
    assert len(ends(sender.stream, RUN)) == 300 - n_refused + (10 if late is Keep else 0)
