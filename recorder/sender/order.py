"""What a trainer tells its sender process, by its standard input: no command line and no environment shows a password."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import IO, NamedTuple, cast

from recorder.publish.limits import PublisherLimits
from recorder.step_stream import StepStream

__all__ = ["Order"]


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
