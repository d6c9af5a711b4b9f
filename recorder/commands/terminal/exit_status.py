"""Exit statuses of the command line."""

from __future__ import annotations

from enum import IntEnum

from recorder.errors import RecorderError, RecordingNotFoundError, SettingsError, StorageError, UsageError

__all__ = ["ExitStatus", "status_of"]


class ExitStatus(IntEnum):
    """The exit status of the process."""

    OK = 0
    """Success."""
    FAILED = 1
    """It failed, or found a problem (``doctor``, ``verify``)."""
    USAGE = 2
    """The command line or the configuration is wrong."""
    NOT_FOUND = 3
    """There is no such run, episode, recording or file."""
    INTERRUPTED = 130
    """Ctrl-C."""


def status_of(error: RecorderError) -> ExitStatus:
    """The exit status for an error."""
    is_missing_file = isinstance(error, StorageError) and error.is_missing_file
    if isinstance(error, RecordingNotFoundError) or is_missing_file:
        return ExitStatus.NOT_FOUND
    if isinstance(error, (UsageError, SettingsError)):
        return ExitStatus.USAGE
    return ExitStatus.FAILED
