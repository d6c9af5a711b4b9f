"""The sender process: ``python -m recorder.sender.process``, with a pickled order on its standard input.

It reads its trainer's ring and sends. It outlives a trainer that is killed until everything is sent, or the server was away for
too long; then the ring's file stays for ``hamlet-recorder recover``.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from recorder.black_box import Message, Outcome, Ring
from recorder.black_box.places import journal_of, spool_of
from recorder.errors import BlackBoxError, BlackBoxInUseError
from recorder.publish.publisher import Publisher
from recorder.runtime.garbage_collection import relax_garbage_collection
from recorder.sender.base import Order
from recorder.sender.draining import Patience
from recorder.sender.files import remove_files
from recorder.sender.recovering import RecoveryProcess
from recorder.sender.recovery import BoxState, find_boxes
from recorder.sender.same_server import is_for

__all__ = ["main"]

_log = logging.getLogger("recorder.sender.process")

_LOCK_SECS = 5.0
"""How long a sender waits for the lock of one that is just ending."""

_LOOK_SECS = 0.25

_NICENESS = 5
"""The trainer goes first where both want one core: what the sender has not read yet waits in the ring."""


def main() -> int:
    """Serve one trainer to its end."""
    # Ctrl-C in a terminal and the end of a service reach the whole group; this process ends when its trainer has.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    order = Order.read(sys.stdin.buffer)
    if order is None:
        return 0  # the trainer was gone before it began
    os.nice(_NICENESS)
    try:
        ring = Ring.open(order.path)
        _lock(ring)
    except BlackBoxError as error:
        sys.exit(f"hamlet-recorder: a sender process can't begin: {error}")
    ring.outcome = Outcome.AT_WORK

    def tell(level: int, logger: str, text: str, error: Exception | None) -> None:
        kind = None if error is None else type(error).__name__
        ring.put_message(Message(level, logger, text, kind, str(error or "")))

    with _relayed_log(ring):
        ring.beat(pid=os.getpid(), read_position=ring.tail)  # the trainer waits for it
        try:
            publisher = Publisher(
                order.stream,
                ring,
                journal_of(order.path),
                order.limits,
                spool=spool_of(order.path),
                on_message=tell,
            )
        except BlackBoxError as error:
            tell(logging.ERROR, _log.name, str(error), error)
            ring.outcome = Outcome.SOMETHING_LEFT
            return 1
        relax_garbage_collection()
        patience = Patience(ring, is_waited_for=lambda: not ring.is_trainer_gone())
        _others = _recover_others(order)  # a process that is let go of while it runs is warned of
        if publisher.run(patience.is_over):
            remove_files(order.path)
    return 0


def _recover_others(order: Order) -> RecoveryProcess | None:
    """Have what earlier trainers left in the same folder sent, by another process: the trainer's own steps come first."""
    folder = order.path.parent
    # Its own ring must not be opened twice: closing it would let go of the lock.
    boxes = list(find_boxes([folder], but=[order.path]))
    if any(is_for(box, order.stream) for box in boxes if box.state is BoxState.ABANDONED):
        try:
            return RecoveryProcess(order.stream, [folder])
        except OSError as error:
            _log.error("what earlier trainers left in %s can't be sent for now: %s", folder, error)
    return None


def _lock(ring: Ring) -> None:
    deadline = time.monotonic() + _LOCK_SECS
    while True:
        try:
            ring.lock_as_sender()
        except BlackBoxInUseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECS)
        else:
            return


@contextmanager
def _relayed_log(ring: Ring) -> Iterator[None]:
    """What is logged here, for the trainer to log: it knows where its log goes."""

    class Relay(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            ring.put_message(Message(record.levelno, record.name, self.format(record)))

    relay = Relay()
    root = logging.getLogger()
    root.addHandler(relay)
    yield
    root.removeHandler(relay)


if __name__ == "__main__":
    sys.exit(main())
