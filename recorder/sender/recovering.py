"""A process that recovers abandoned black boxes: ``python -m recorder.sender.recovering``, with a pickled order on its standard
input. A sender or a worker starts it, and it outlives both.
"""

from __future__ import annotations

import logging
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

from recorder.child_process import spawn_detached
from recorder.sender.recovery import FoundBox, recover_folder
from recorder.sender.same_server import check_same_server, is_for
from recorder.step_stream import StepStream

__all__ = ["RecoveryProcess", "main"]

_PATIENCE_SECS = 10.0
"""For a server that acknowledges nothing; the next one tries again."""


class _Order(NamedTuple):
    stream: StepStream
    folders: Sequence[Path]


class RecoveryProcess:
    """Starts one, in a separate session.

    Args:
        stream: where to send what its trainers sent to this server; the rest stays.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self, stream: StepStream, folders: Sequence[Path]) -> None:
        order = _Order(stream, [folder.absolute() for folder in folders])
        self._process = spawn_detached("recorder.sender.recovering", pickle.dumps(tuple(order)))

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None


def main() -> int:
    """Recover what can be recovered now."""
    logging.basicConfig(format="hamlet-recorder: %(message)s", level=logging.WARNING)
    packed = sys.stdin.buffer.read()
    if not packed:
        return 0
    order = _Order(*cast("tuple[StepStream, Sequence[Path]]", pickle.loads(packed)))

    def stream_of(box: FoundBox) -> StepStream:
        check_same_server(box, order.stream)
        return order.stream

    for folder in order.folders:
        recover_folder(folder, stream_of, secs=_PATIENCE_SECS, takes=lambda box: is_for(box, order.stream))
    return 0


if __name__ == "__main__":
    sys.exit(main())
