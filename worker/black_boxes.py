"""Recovery of what trainers on this machine have left: each ingest worker looks now and then."""

from __future__ import annotations

import logging
import time

from recorder.sender.recovering import RecoveryProcess
from recorder.sender.recovery import BoxState, FoundBox, find_boxes, folders
from recorder.sender.same_server import is_for
from recorder.settings import Settings
from recorder.step_stream import StepStream

__all__ = ["BlackBoxes"]

_log = logging.getLogger(__name__)

_LOOK_SECS = 30.0
"""Longer than a new trainer of the same folder takes, which looks as well."""


class BlackBoxes:
    """Starts a process when there is something to recover: the worker's own may fork at any time, with all that is open.

    Args:
        settings: name the folders.
        stream: of this worker.
    """

    def __init__(self, settings: Settings, stream: StepStream) -> None:
        self._places = folders(settings.capture.black_box_dir, settings.local_recordings_dir)
        self._stream = stream
        self._process: RecoveryProcess | None = None
        self._next_look = 0.0
        self._told: set[str] = set()

    def look(self) -> None:
        """Once in a while: see whether a trainer has left something, and have it sent."""
        now = time.monotonic()
        if now < self._next_look or (self._process is not None and not self._process.is_over):
            return
        self._next_look = now + _LOOK_SECS
        if any(self._is_ours(box) for box in find_boxes(self._places)):
            try:
                self._process = RecoveryProcess(self._stream, self._places)
            except OSError as error:
                _log.error("what trainers have left on this machine can't be sent for now: %s", error)

    def _is_ours(self, box: FoundBox) -> bool:
        if box.state is BoxState.IN_USE:
            return False
        if box.state is BoxState.UNREADABLE:
            # Once is enough: it is set aside, or will never be, as another user's.
            is_news = box.path.name not in self._told
            self._told.add(box.path.name)
            return is_news
        return is_for(box, self._stream)
