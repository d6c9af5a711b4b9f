"""What a recorder asks of its sender, be it a process or a thread; and the order that a trainer gives to a process.

The order goes by standard input: no command line and no environment shows a password.
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, NamedTuple, cast

from recorder.publish.limits import PublisherLimits
from recorder.step_stream import StepStream

__all__ = ["CLOSE_GRACE_SECS", "Order", "Sender"]

CLOSE_GRACE_SECS = 3.0
"""Beyond the time that it was given, how long a sender may still wait for an answer of the server."""


class Sender(ABC):
    """What reads a ring, as its trainer sees it. Only ``close`` waits."""

    error: BaseException | None = None
    """What went wrong last, for a strict recorder to raise."""

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """Of the sender process; None when a thread sends."""

    @abstractmethod
    def look(self) -> bool:
        """Relay what the sender has to say to this process's log, and replace it when it has died. Takes a microsecond when
        there is nothing to do; for calls of the trainer.

        Returns:
            Whether anybody reads the ring, now or later.
        """

    @abstractmethod
    def close(self, timeout_secs: float) -> bool:
        """Wait until the sender, for which ``CLOSE`` and ``ring.close_by`` stand in the ring, has ended; then let go of the
        ring, whose files are removed when everything was sent.

        Returns:
            Whether everything was sent.
        """

    @abstractmethod
    def close_soon(self) -> None:
        """The same without waiting; it ends by itself."""

    @abstractmethod
    def forget_in_fork(self) -> None:
        """In a fork of the trainer: let go of everything, and touch neither the ring nor the process."""


class Order(NamedTuple):
    """Where to send, and what.

    Args:
        path: of the ring.
    """

    stream: StepStream
    path: Path
    limits: PublisherLimits

    def packed(self) -> bytes:
        """What ``read`` takes from the pipe."""
        return pickle.dumps(self)

    @classmethod
    def read(cls, pipe: IO[bytes]) -> Order | None:
        """What the pipe holds; None when the trainer was gone before it had written it."""
        packed = pipe.read()
        return cast("Order", pickle.loads(packed)) if packed else None
