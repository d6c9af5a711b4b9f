"""What travels between a trainer and its sender process, and how: items of the hand-over queue there, reports back.

Both ends are this package in one version, on one machine, joined by a socket that nobody else holds; so messages are
pickles. Rows travel by field, which is quicker on both sides; large arrays travel beside the pickle, uncopied.
"""

from __future__ import annotations

import logging
import pickle
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise, repeat
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recorder.capture.batch_block import NO_STEP, BatchBlock, BatchKind
from recorder.capture.copying import ArrayKind, Layout
from recorder.capture.handover import Abort, BatchRow, Finish, Keep
from recorder.capture.limits import PublisherLimits
from recorder.capture.losses import Dropped
from recorder.capture.row_columns import ROW_FIELDS, Row
from recorder.capture.stats import RecorderStats
from recorder.capture.summary import NO_EARLIER_SENDERS, EarlierSenders, RunIdentity
from recorder.errors import UsageError
from recorder.step_stream import RedisStepStream

__all__ = [
    "TOGETHER_BYTES",
    "BlockRows",
    "Close",
    "Hello",
    "ItemDecoder",
    "ItemEncoder",
    "Message",
    "NewBlock",
    "Report",
    "Rows",
    "receive",
    "send",
]

_LAYOUT = ROW_FIELDS.index("layout")

_HEAD_BYTES = struct.calcsize("<?I")

TOGETHER_BYTES = 2**18
"""Arrays of up to that many bytes travel in one piece with their message; larger ones are not copied."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message: all that a publisher has to know.

    Args:
        stream: to the server; the process connects anew.
        pid: of the trainer.
        info: what is to be known of the run.
    """

    stream: RedisStepStream
    pid: int
    identity: RunIdentity
    info: dict[str, Any]
    limits: PublisherLimits
    earlier_senders: EarlierSenders = NO_EARLIER_SENDERS


class Rows(NamedTuple):
    """Steps of ``record_step``, one layout to all of them."""

    layout: Layout | None
    """None: that of the message before."""
    fields: Sequence[Sequence[Any]]
    """In the order of ``ROW_FIELDS``, without the layout."""

    @property
    def n_steps(self) -> int:
        """Steps in it."""
        return len(self.fields[0])


class NewBlock(NamedTuple):
    """What the next rows of ``record_batch`` are like."""

    kind: BatchKind
    lanes: NDArray[np.int64]


class BlockRows(NamedTuple):
    """Calls of ``record_batch``: the next rows of the block, as they lie in it."""

    start: int
    stop: int
    data: NDArray[np.uint8]
    n_steps: int
    """Steps in them, of all lanes."""


class Close(NamedTuple):
    """The trainer wants it to end; a second one shortens the time."""

    timeout_secs: float


class Report(NamedTuple):
    """What a sender process says of itself."""

    stats: RecorderStats
    """Of its publisher; ``n_steps_waiting`` is those of its own queue."""
    n_received_steps: int
    n_unsent_steps: int
    error: Exception | None
    records: list[logging.LogRecord]
    is_over: bool
    is_complete: bool


Message = Rows | NewBlock | BlockRows | Dropped | RecorderStats | Finish | Keep | Abort | Close
"""What a trainer says after its ``Hello``."""


def send(connection: Connection, messages: Sequence[Hello | Message | Report]) -> None:
    """Write messages in one piece: each write lets go of the interpreter, and taking it back costs the trainer more than
    copying a little.

    Raises:
        OSError: nobody reads at the other end any more.
        Exception: something in a message can't be pickled; nothing was written.
    """
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(messages, 5, buffer_callback=buffers.append)
    arrays = [buffer.raw() for buffer in buffers]
    sizes = [array.nbytes for array in arrays]
    are_together = sum(sizes) <= TOGETHER_BYTES
    head = struct.pack(f"<?I{len(sizes)}Q", are_together, len(sizes), *sizes)
    if are_together:
        connection.send_bytes(b"".join([head, body, *arrays]))
    else:
        connection.send_bytes(head + body)
        for array in arrays:
            connection.send_bytes(array)


def receive(connection: Connection) -> Any:
    """Wait for messages; gives those that were written at once. Their arrays may be read-only.

    Raises:
        EOFError, OSError: nobody writes at the other end any more.
    """
    data = memoryview(connection.recv_bytes())
    are_together, n_arrays = struct.unpack_from("<?I", data)
    sizes = struct.unpack_from(f"<{n_arrays}Q", data, _HEAD_BYTES)
    body = data[_HEAD_BYTES + 8 * n_arrays :]
    if not are_together:
        return pickle.loads(body, buffers=[connection.recv_bytes() for _ in sizes])
    ends = list(accumulate(sizes, initial=len(body) - sum(sizes)))
    return pickle.loads(body, buffers=[body[start:end] for start, end in pairwise(ends)])


class ItemEncoder:
    """Items of the queue to messages; on the trainer's side."""

    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._block: BatchBlock | None = None

    def rows(self, rows: Sequence[Row]) -> Iterator[Rows]:
        """Rows in a row: one message for each stretch of one layout."""
        fields = list(zip(*rows, strict=True))
        layouts = fields.pop(_LAYOUT)
        if layouts.count(layouts[0]) == len(layouts):
            yield Rows(self._changed(layouts[0]), fields)
            return
        for _, same in groupby(rows, key=lambda row: id(row[_LAYOUT])):
            yield from self.rows(list(same))

    def block_rows(self, block: BatchBlock, start: int, stop: int) -> Iterator[NewBlock | BlockRows]:
        """Rows of a block; of each block, in order and without a hole.

        Raises:
            UsageError: its first rows went to another process.
        """
        if block is not self._block:
            if start > 0:
                raise UsageError(f"{stop - start} steps of {len(block.lanes)} lanes follow those that were lost")
            self._block = block
            yield NewBlock(block.kind, block.lanes)
        yield BlockRows(start, stop, block.raw_rows(start, stop), sum(_steps_in_rows(block, start, stop)))

    def retire(self) -> None:
        """Let the trainer begin a new block, because what follows in this one can't be used."""
        if self._block is not None:
            self._block.retire()

    def _changed(self, layout: Layout) -> Layout | None:
        if layout is self._layout:
            return None
        self._layout = layout
        return Layout(*(kind and ArrayKind(kind.dtype, kind.shape) for kind in layout))


class ItemDecoder:
    """Messages to items of the queue; in the sender process."""

    def __init__(self) -> None:
        self._layout = Layout()
        self._block: BatchBlock | None = None

    def rows(self, message: Rows) -> Iterator[Row]:
        """The rows."""
        if message.layout is not None:
            self._layout = message.layout
        fields = message.fields
        return zip(*fields[:_LAYOUT], repeat(self._layout), *fields[_LAYOUT:])

    def new_block(self, message: NewBlock) -> None:
        """The rows that follow are of another block."""
        self._block = BatchBlock(message.kind, message.lanes)

    def block_rows(self, message: BlockRows) -> list[BatchRow]:
        """The calls, in a block of this process."""
        block = self._block
        if block is None or block.n_rows != message.start:
            raise ValueError(f"rows {message.start} to {message.stop} belong to no block")
        block.raw_rows(message.start, message.stop)[:] = message.data
        block.n_rows = message.stop
        counts = _steps_in_rows(block, message.start, message.stop)
        return [BatchRow(block, row, n_steps) for row, n_steps in enumerate(counts, message.start)]


def _steps_in_rows(block: BatchBlock, start: int, stop: int) -> list[int]:
    """Steps in each row: of the lanes that have one."""
    counts: list[int] = (block.episode_ids[start:stop] != NO_STEP).sum(axis=1).tolist()
    return counts
