"""The error codes of PROTOCOL.md."""

from __future__ import annotations

from recorder.errors import (
    CatalogError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    RecorderError,
    RecordingNotFoundError,
    StorageError,
    StreamCorruptError,
    StreamError,
    UsageError,
)
from replay_server.memory.budget import BusyError
from replay_server.socket.messages import MessageError

__all__ = ["error_code"]


def error_code(error: RecorderError) -> str:
    """Return the code of an error."""
    match error:
        case MessageError():
            return error.code
        case RecordingNotFoundError():
            return "not_found"
        case EpisodeFileTooLargeError():
            return "too_large"
        case EpisodeFileError() | StorageError() | StreamCorruptError():
            return "unreadable"
        case UsageError():
            return "bad_message"
        case CatalogError() | StreamError() | BusyError():
            return "unavailable"
        case _:
            return "internal"
