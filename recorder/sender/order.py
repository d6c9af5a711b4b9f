"""What a trainer tells its sender process, by its standard input: no command line and no environment shows a password."""

from __future__ import annotations

import pickle
import subprocess
from pathlib import Path
from typing import IO, NamedTuple, cast

from recorder.child_process import module_command
from recorder.publish.limits import PublisherLimits
from recorder.step_stream import StepStream

__all__ = ["Order", "start_process"]


class Order(NamedTuple):
    """Where to send, and what.

    Args:
        path: of the ring.
    """

    stream: StepStream
    path: Path
    limits: PublisherLimits

    @classmethod
    def read(cls, pipe: IO[bytes]) -> Order | None:
        """What the pipe holds; None when the trainer was gone before it had written it."""
        packed = pipe.read()
        return cast("Order", pickle.loads(packed)) if packed else None


def start_process(stream: StepStream, path: Path, limits: PublisherLimits) -> subprocess.Popen[bytes]:
    """Start a sender process, in a separate session: it outlives a trainer that is killed.

    Raises:
        OSError: it can't be started, or ended at once.
    """
    order = pickle.dumps(Order(stream, path.absolute(), limits))
    process = subprocess.Popen(
        module_command("recorder.sender.process"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,  # a reader of the trainer's output must not wait for this process too
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(order)
    except OSError:
        process.kill()
        process.wait()
        raise
    return process
