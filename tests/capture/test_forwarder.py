"""Passing items on to a sender process that is no more: each of their steps is accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recorder.capture.batch import BatchWriter, batch_places, batch_values
from recorder.capture.copying import Layout
from recorder.capture.forwarder import Forwarder
from recorder.capture.handover import BatchRow, Finish, HandOver
from recorder.capture.losses import Dropped, TrainerLosses
from recorder.capture.rows import DeviceRows, row_of
from recorder.capture.sender_link import SenderLink

N_LANES = 64
N_CALLS = 60
LARGE = np.zeros((N_LANES, 84, 84), np.uint8)
"""Of a kind that needs several writes."""


@pytest.fixture
def dead_link() -> SenderLink:
    link = SenderLink()
    link.kill()
    link.wait()
    return link


def no_error(error: Exception, n_steps: int) -> None:
    raise AssertionError(f"{n_steps} steps") from error


def test_what_its_end_cuts_off_counts_as_passed_on_and_leaves_the_queue(dead_link: SenderLink) -> None:
    handover, open_episodes = HandOver(1000), set[int]()
    writer = BatchWriter(DeviceRows())
    lanes = np.arange(N_LANES)
    blocks = set()
    for call in range(N_CALLS):
        row = writer.write(batch_places(lanes, lanes * 0 + call, None), batch_values({"meters": LARGE}, N_LANES))
        assert isinstance(row, BatchRow)
        handover.put_batch(row, N_LANES)
        blocks.add(row.block)
    handover.put_row(row_of((100, 0, 0), {"reward": 1.0}, Layout()))
    handover.put_always(Finish(101))
    items: list[Any] = [handover.items.popleft() for _ in range(N_CALLS + 2)]
    forwarder = Forwarder(dead_link, handover, TrainerLosses(), open_episodes, on_error=no_error)
    with pytest.raises(OSError):
        forwarder.forward(items)
    assert forwarder.n_steps == N_CALLS * N_LANES + 1
    assert handover.n_waiting_steps == 0
    assert open_episodes == {*lanes.tolist(), 100}
    assert len(blocks) > 1
    forwarder.retire()
    assert not any(block.n_rows < block.max_rows for block in blocks)


class KeepingLink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, messages: list[Any]) -> None:
        self.messages += messages


def test_an_episode_whose_steps_can_t_be_passed_on_ends_with_them_as_gaps() -> None:
    handover, errors = HandOver(1000), []
    writer = BatchWriter(DeviceRows())
    items: list[Any] = []
    for step in range(4):
        places = batch_places([7, -1, 8], [step, 0, step + 1], [3, 4, 5])
        row = writer.write(places, batch_values({"reward": np.zeros(3)}, 3))
        assert isinstance(row, BatchRow)
        handover.put_batch(row, 2)
        items.append(row)
    link: Any = KeepingLink()
    forwarder = Forwarder(
        link, handover, TrainerLosses(), set(), on_error=lambda error, n_steps: errors.append((str(error), n_steps))
    )
    # The first row went to the process before.
    forwarder.forward([*items[1:], Finish(7), Finish(8)])
    assert errors == [("3 steps of 3 lanes follow those that were lost", 6)]
    assert [message for message in link.messages if isinstance(message, Dropped | Finish)] == [
        Dropped(7, 3, [(1, 4)]),
        Finish(7),
        Dropped(8, 5, [(2, 5)]),
        Finish(8),
    ]
