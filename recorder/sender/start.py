"""Making a recorder's ring and starting what sends it."""

from __future__ import annotations

import logging
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recorder.black_box import Ring
from recorder.black_box.places import default_folder, new_path
from recorder.errors import BlackBoxError
from recorder.publish.limits import PublisherLimits
from recorder.step_stream import StepStream

__all__ = ["Sender", "make_ring", "start_sender"]

_log = logging.getLogger(__name__)


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
            Whether anybody reads the ring.
        """

    @abstractmethod
    def close(self, timeout_secs: float) -> bool:
        """Wait until the sender, for which ``CLOSE`` and ``ring.close_by`` stand in the ring, has ended; then let go of the
        ring, whose files are removed when everything was sent.

        Returns:
            Whether everything was sent.
        """

    @abstractmethod
    def close_soon(self, timeout_secs: float) -> None:
        """The same without waiting; it ends by itself."""

    @abstractmethod
    def forget_in_fork(self) -> None:
        """In a fork of the trainer: let go of everything, and touch neither the ring nor the process."""


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
        instead = Path(tempfile.gettempdir()) / "hamlet-recorder-black-boxes"
        _log.warning("recorder: run_id=%s: %s; the black box goes to %s", run_id, error, instead)
        return Ring.create(new_path(instead, run_id), capacity=capacity, identity=identity)


def start_sender(stream: StepStream, ring: Ring, limits: PublisherLimits, *, in_own_process: bool) -> Sender:
    """Start what sends a ring.

    Args:
        in_own_process: let a separate process do the work, when ``stream`` leads to a server and one can be started.
    """
    raise NotImplementedError
