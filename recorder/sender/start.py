"""Making a recorder's ring and starting what sends it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recorder.black_box import Ring
from recorder.black_box.places import default_folder, new_path, temporary_folder
from recorder.errors import BlackBoxError
from recorder.publish.limits import PublisherLimits
from recorder.sender.base import Sender
from recorder.sender.keeper import SenderProcess
from recorder.step_stream import RedisStepStream, StepStream

__all__ = ["make_ring", "start_sender"]

_log = logging.getLogger(__name__)


def make_ring(stream: StepStream, identity: Mapping[str, Any], *, capacity: int, folder: Path | None) -> Ring:
    """The ring of a recorder: a file where steps leave this process, this process's memory where they don't.

    Args:
        folder: where the file is made; the user's state folder, or else the folder for temporary files, when left out.

    Raises:
        BlackBoxError: it can't be made.
    """
    if not stream.is_remote:
        return Ring.create(None, capacity=capacity, identity=identity)
    run_id = str(identity["run_id"])
    if folder is not None:
        return Ring.create(new_path(folder, run_id), capacity=capacity, identity=identity)
    try:
        return Ring.create(new_path(default_folder(), run_id), capacity=capacity, identity=identity)
    except BlackBoxError as error:
        instead = temporary_folder()
        _log.warning("recorder: run_id=%s: %s; the black box goes to %s", run_id, error, instead)
        return Ring.create(new_path(instead, run_id), capacity=capacity, identity=identity)


def start_sender(stream: StepStream, ring: Ring, limits: PublisherLimits, *, in_own_process: bool) -> Sender:
    """Start what sends a ring.

    Args:
        in_own_process: let a separate process do the work, when ``stream`` leads to a server and one can be started.
    """
    # A stream of another kind may have ties to this process.
    if in_own_process and ring.path is not None and type(stream) is RedisStepStream:
        try:
            return SenderProcess(stream, ring, limits)
        except OSError as error:
            _log.warning(
                "recorder: run_id=%s: no sender process can be started (%s): a thread of the trainer encodes and sends, "
                "which takes more of its time",
                ring.identity["run_id"], error,
            )  # fmt: skip
    from recorder.sender.thread import (
        SenderThread,  # with the publisher: a trainer with a sender process never needs it
    )

    return SenderThread(stream, ring, limits)
