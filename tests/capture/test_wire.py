"""Messages between a trainer and its sender process arrive as they were sent, whatever their size."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from recorder.capture.batch_block import BatchBlock, BatchKind
from recorder.capture.copying import ArrayKind, Layout
from recorder.capture.handover import Finish, Keep
from recorder.capture.wire import BlockRows, ItemDecoder, ItemEncoder, NewBlock, receive, send
from recorder.errors import UsageError


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = Pipe()
    with ours, theirs:
        yield ours, theirs


def passed_on(ends: tuple[Connection, Connection], message: Any) -> Any:
    """What arrives at the other end; sent from a thread, because a socket holds only so much."""
    (found,) = passed_on_together(ends, [message])
    return found


def passed_on_together(ends: tuple[Connection, Connection], messages: list[Any]) -> list[Any]:
    """The same of several, written at once."""
    sending = threading.Thread(target=send, args=(ends[0], messages))
    sending.start()
    found: list[Any] = receive(ends[1])
    sending.join()
    return found


@pytest.mark.parametrize("width", [0, 1, 1000, 300_000])
def test_rows_of_a_block_arrive_as_they_lie(ends: tuple[Connection, Connection], width: int) -> None:
    kind: BatchKind = {"meters": (np.dtype(np.float32), (3, width)), "reward": (np.dtype(np.float64), (3,))}
    block = BatchBlock(kind, np.array([4, 5, 6]))
    random = np.random.default_rng(1)
    given: list[dict[str, Any]] = [
        {"meters": random.random((3, width)).astype(np.float32), "reward": random.random(3)} for _ in range(4)
    ]
    for row, arrays in enumerate(given):
        block.write([1, 2, 3], [row] * 3, arrays)
    encoder, decoder = ItemEncoder(), ItemDecoder()
    found = []
    for start, stop in ((0, 1), (1, 4)):
        for message in encoder.block_rows(block, start, stop):
            arrived = passed_on(ends, message)
            if isinstance(arrived, NewBlock):
                decoder.new_block(arrived)
            else:
                found += decoder.block_rows(arrived)
    assert [item.row for item in found] == [0, 1, 2, 3]
    (copy,) = {id(item.block): item.block for item in found}.values()
    assert copy.n_rows == 4
    assert copy.lanes.tolist() == [4, 5, 6]
    for row, arrays in enumerate(given):
        assert copy.steps[row].tolist() == [row] * 3
        for name, values in arrays.items():
            np.testing.assert_array_equal(copy.columns[name][row], values, strict=True)


def test_a_hole_between_rows_is_a_defect() -> None:
    block = BatchBlock({}, np.array([0]))
    for step in range(3):
        block.write([1], [step], {})
    encoder, decoder = ItemEncoder(), ItemDecoder()
    new_block, _ = encoder.block_rows(block, 0, 1)
    (rows,) = encoder.block_rows(block, 1, 3)
    assert isinstance(new_block, NewBlock)
    decoder.new_block(new_block)
    with pytest.raises(ValueError, match="rows 1 to 3 belong to no block"):
        decoder.block_rows(rows)  # type: ignore[arg-type]


def test_a_block_that_another_process_has_begun_is_left_to_the_past() -> None:
    block = BatchBlock({}, np.array([0]))
    for step in range(3):
        block.write([1], [step], {})
    with pytest.raises(UsageError, match="2 steps of 1 lanes follow those that were lost"):
        list(ItemEncoder().block_rows(block, 1, 3))


def test_rows_keep_their_layouts_and_their_types(ends: tuple[Connection, Connection]) -> None:
    layouts = [Layout(meters=ArrayKind(np.dtype(np.float32), (n,), "torch.float32", str, bytes)) for n in (2, 3)]
    values = (None, b"12345678", 3, np.float32(2.5), True, {"image": np.arange(6).reshape(2, 3)})
    rows: list[Any] = [(7, step, 0, layouts[step // 2 % 2], *values, step / 3) for step in range(8)]
    encoder, decoder = ItemEncoder(), ItemDecoder()
    found = [row for message in encoder.rows(rows) for row in decoder.rows(passed_on(ends, message))]
    assert len(found) == len(rows)
    for row, arrived in zip(rows, found, strict=True):
        assert (arrived[3].meters.dtype, arrived[3].meters.shape) == (row[3].meters.dtype, row[3].meters.shape)
        assert [(type(value), repr(value)) for value in (*arrived[:3], *arrived[4:])] == [
            (type(value), repr(value)) for value in (*row[:3], *row[4:])
        ]


def test_messages_written_at_once_arrive_one_by_one(ends: tuple[Connection, Connection]) -> None:
    kind: BatchKind = {"image": (np.dtype(np.uint8), (1, 400_000))}
    large, small = BatchBlock(kind, np.array([0])), BatchBlock({}, np.array([0]))
    large.write([1], [0], {"image": np.full((1, 400_000), 7, np.uint8)})
    small.write([2], [0], {})
    encoder = ItemEncoder()
    messages = [
        Finish(1),
        *encoder.block_rows(small, 0, 1),
        Finish(2),
        *encoder.block_rows(large, 0, 1),
        Finish(3),
    ]
    found = passed_on_together(ends, messages)
    assert [type(message) for message in found] == [type(message) for message in messages]
    assert [message.episode_id for message in found if isinstance(message, Finish)] == [1, 2, 3]
    for message, arrived in zip(messages, found, strict=True):
        if isinstance(message, BlockRows):
            np.testing.assert_array_equal(arrived.data, message.data)
    assert not ends[1].poll(0)


def test_what_can_not_be_pickled_writes_nothing(ends: tuple[Connection, Connection]) -> None:
    with pytest.raises(Exception, match="pickle"):
        send(ends[0], [Finish(6), Keep(7, lambda: None)])
    assert not ends[1].poll(0)
    assert passed_on(ends, Finish(7)) == Finish(7)
