"""A copy of a recorder, made by ``copy`` or by pickle with an environment: it records nothing, and says so once."""

from __future__ import annotations

import logging
from typing import Any

from recorder.publish.stats import RecorderStats

__all__ = ["NullRecorder"]

_log = logging.getLogger(__name__)

_warned: set[str] = set()
"""Runs of which this process has been warned: a search makes thousands of copies."""


class NullRecorder:
    """Takes the part of everything behind a recorder's calls.

    Args:
        run_id: of the recorder that was copied.
    """

    error: BaseException | None = None
    is_complete = True
    is_put_off = False
    pid: int | None = None
    path = None

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    def write(self, *_: Any) -> bool:
        """No step is written."""
        return False

    def refuse(self, _error: Exception, **_lost: int) -> None:
        """What the trainer does with a copy is not part of the run."""
        if self._run_id not in _warned:
            _warned.add(self._run_id)
            _log.warning(
                "recorder: run_id=%s: a copy of the recorder, or of an environment that it records, records nothing; to record "
                "in another process, make a recorder there",
                self._run_id,
            )

    def note_call(self, _secs: float) -> None:
        """Nobody wants to know."""

    def stats(self, _ring: Any) -> RecorderStats:
        """Nothing was recorded here."""
        return RecorderStats()
