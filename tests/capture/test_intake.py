"""What one item that can't be dealt with costs: itself, and no other."""

from __future__ import annotations

import time

import pytest

from recorder.capture.copying import Layout
from recorder.capture.handover import CloseRun, Finish, Keep
from recorder.capture.intake import Intake
from recorder.capture.outbox import Outbox
from recorder.capture.row_columns import ROW_FIELDS, Row
from recorder.capture.stats import RecorderStats
from recorder.capture.summary import RunIdentity
from recorder.capture.turned_away import TurnedAway
from recorder.step_stream import MemoryStepStream
from tests.capture.recorded import ends, finished_episodes

RUN = "run"


class Sender:
    """An intake, and the stream behind its outbox."""

    def __init__(self) -> None:
        self.stream = MemoryStepStream()
        self.errors: list[Exception] = []
        self.outbox = Outbox(self.stream, RUN, max_bytes=1_000_000, clock=time.time)
        self.intake = Intake(
            RunIdentity(RUN, "producer"),
            self.outbox,
            RecorderStats(),
            away=TurnedAway(),
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
    sender.intake.take([Finish(0, {}), row(1, 0), CloseRun()])
    sender.send()
    assert [end.get("episode_id") for end in ends(sender.stream, RUN)] == [1, None]
    assert list(finished_episodes(sender.stream, RUN)) == [1]
