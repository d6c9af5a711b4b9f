"""The process that encodes and sends for a trainer: ``python -m recorder.capture.sender_process DESCRIPTOR``.

Encoding beside the trainer would take the interpreter from it, so it happens here. ``RemotePublisher`` starts this process
and talks to it over a socket. It lives as long as its trainer, and a little longer: what a trainer handed over before it was
killed is still sent, so that it can be salvaged.
"""

from __future__ import annotations

import logging
import logging.handlers
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import assert_never

from recorder.capture.handover import Abort, Finish, HandOver, Keep
from recorder.capture.losses import Dropped, TrainerLosses
from recorder.capture.publisher import Publisher
from recorder.capture.stats import RecorderStats
from recorder.capture.wire import (
    BlockRows,
    Close,
    Hello,
    ItemDecoder,
    Message,
    NewBlock,
    Report,
    Rows,
    receive,
    send,
)
from recorder.errors import RecorderError

__all__ = ["main"]

_log = logging.getLogger("recorder.capture.sender_process")

_QUEUE_BLOCKS = 640
"""40,960 steps: a flat-out trainer is ahead by as much while a worker has the other core. Beyond them the socket fills, and
then the trainer's own queue, which decides what is dropped."""

_ORPHAN_SECS = 15.0
"""How long what a dead trainer handed over may take to be sent."""

_REPORT_SECS = 0.1

_CUTTING_SHARE = 0.1
"""Part of this process's time that may go into chunks that are not full; it is not the trainer's."""

_MAX_RECORDS = 1000


@dataclass(slots=True)
class _Desk:
    """What the two threads of this process share: one takes messages in, one reports.

    Args:
        publisher: does the work, on a third.
        handover: where items go.
        away: what the trainer's threads counted.
    """

    publisher: Publisher
    handover: HandOver
    away: TrainerLosses
    n_received_steps: int = 0
    decoder: ItemDecoder = field(default_factory=ItemDecoder)

    def take_messages(self, connection: Connection) -> None:
        """Until the trainer has closed its end, or is no more."""
        try:
            while True:
                for message in receive(connection):
                    self._take(message)
        except (EOFError, OSError):
            pass
        except Exception:  # noqa: BLE001 - a defect; the trainer sees this process end
            _log.exception("the trainer's messages can't be read any more")
        self.publisher.trainer_gone(_ORPHAN_SECS)

    def _take(self, message: Message) -> None:
        match message:
            case Rows():
                self._make_room(message.n_steps)
                self.handover.put_rows(self.decoder.rows(message))
                self.n_received_steps += message.n_steps
            case BlockRows():
                self._make_room(message.n_steps)
                for row in self.decoder.block_rows(message):
                    self.handover.put_batch(row, row.n_steps)
                self.n_received_steps += message.n_steps
            case NewBlock():
                self.decoder.new_block(message)
            case Finish() | Keep() | Abort():
                self.handover.put_always(message)
            case Dropped():
                self.away.remember(message)
            case RecorderStats():
                self.away.count_as(message)
            case Close():
                self.publisher.close_soon(message.timeout_secs)
            case _:
                assert_never(message)

    def _make_room(self, n_steps: int) -> None:
        self.handover.wait_for_room(n_steps, lambda: self.publisher.is_alive)

    def report(self, records: list[logging.LogRecord], *, is_over: bool) -> Report:
        """Where things stand."""
        n_received_steps, stats = self.n_received_steps, self.publisher.own_stats()
        error, self.publisher.error = self.publisher.error, None
        return Report(
            stats,
            n_received_steps,
            self.publisher.n_unsent_steps,
            _portable(error),
            records,
            is_over,
            self.publisher.is_complete,
        )


def main(arguments: list[str]) -> int:
    """Serve one trainer to its end.

    Args:
        arguments: the descriptor of the socket that it inherits.
    """
    # Ctrl-C in a terminal and the end of a service reach the whole group; this process ends when its trainer has.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    with Connection(int(arguments[0])) as connection, _kept_log() as records:
        try:
            (hello,) = receive(connection)
        except (EOFError, OSError):
            return 0  # the trainer was gone before it began
        desk = _desk(hello)
        desk.publisher.start()
        threading.Thread(target=desk.take_messages, args=[connection], name="messages", daemon=True).start()
        said = _said(connection, desk.report([], is_over=False))  # the trainer waits for it
        is_over = False
        while not is_over:
            is_over = desk.publisher.join(_REPORT_SECS)
            report = desk.report([records.popleft() for _ in range(len(records))], is_over=is_over)
            if report != said:
                said = _said(connection, report)
    return 0


def _desk(hello: Hello) -> _Desk:
    handover, away = HandOver(_QUEUE_BLOCKS), TrainerLosses()
    publisher = Publisher(
        hello.stream,
        hello.identity,
        handover,
        RecorderStats(),
        away=away,
        info=hello.info,
        limits=hello.limits,
        pid=hello.pid,
        cutting_share=_CUTTING_SHARE,
        earlier_senders=hello.earlier_senders,
    )
    return _Desk(publisher, handover, away)


def _said(connection: Connection, report: Report) -> Report:
    """Send it, and give it as it would stand if nothing happened."""
    try:
        send(connection, [report])
    except OSError:
        pass  # nobody listens any more; the messages say so too
    return report._replace(error=None, records=[])


@contextmanager
def _kept_log() -> Iterator[deque[logging.LogRecord]]:
    """What is logged here, for the trainer to log: it knows where its log goes."""
    records: deque[logging.LogRecord] = deque(maxlen=_MAX_RECORDS)

    class Keeper(logging.handlers.QueueHandler):
        def enqueue(self, record: logging.LogRecord) -> None:
            records.append(record)

    keeper = Keeper(records)  # type: ignore[arg-type]
    root = logging.getLogger()
    root.addHandler(keeper)
    yield records
    root.removeHandler(keeper)


def _portable(error: BaseException | None) -> Exception | None:
    """An error that the other process can raise."""
    if error is None:
        return None
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - whatever an error's own way of being pickled raises
        copy = None
    return copy if isinstance(copy, Exception) else RecorderError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
