"""What stands behind a copy of a recorder: it counts nothing, sends nothing, and says so once."""

from __future__ import annotations

import logging
from typing import Any

from recorder.capture.stats import RecorderStats

__all__ = ["Copied"]

_log = logging.getLogger(__name__)

_told: set[str] = set()
"""Runs of which this process was told that a copy does not record: a search makes thousands of copies."""


class Copied:
    """Takes the part of ``CarefulPath`` and of a publisher.

    Args:
        run_id: of the recorder that was copied.
    """

    error: BaseException | None = None
    is_complete = True
    pid: int | None = None

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    def refuse(self, _error: Exception, **_lost: int) -> None:
        """A call on the copy: what the trainer did with it is not part of the run."""
        if self._run_id not in _told:
            _told.add(self._run_id)
            _log.warning(
                "recorder: run_id=%s: a copy of the recorder, or of an environment that it records, records nothing; to record "
                "in another process, make a recorder there",
                self._run_id,
            )

    def refuse_batch(self, error: Exception, _episode_ids: Any) -> None:
        """The same for one step of every lane."""
        self.refuse(error)

    def stats(self) -> RecorderStats:
        """Nothing was recorded here."""
        return RecorderStats()
