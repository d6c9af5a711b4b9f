"""All errors that this project raises on purpose.

::

    RecorderError
    ├── SettingsError            invalid configuration: the key, the expected value, the nearest valid key
    ├── UsageError                    invalid arguments of a public function
    ├── MissingExtraError        an optional part is not installed; has the command that installs it
    ├── WrongModuleError         another file hides a required package; has its path
    ├── OutputError              the command line's standard output can't be written
    ├── StreamError              the step stream
    │   ├── StreamUnavailableError   Redis can't be reached, or refuses writes for now: try again
    │   │   └── StreamFullError          its memory is full; reading and deleting still work
    │   └── StreamCorruptError       an entry in the stream is invalid
    ├── EpisodeFileError         a recording
    │   ├── EpisodeFileCorruptError  bytes that are invalid by FORMAT.md
    │   ├── EpisodeFileTooLargeError a size beyond the reader's limits; checked before memory is allocated
    │   ├── EpisodeFileVersionError  an unknown version
    │   ├── UnknownColumnError       a column that the episode does not have
    │   └── ShapeChangedError        a column whose shape changes within the episode, requested as one array
    ├── BlackBoxError            a trainer's ring file: foreign, damaged, or it can't be made
    │   ├── BlackBoxVersionError     made by a newer version of this project
    │   └── BlackBoxInUseError       another process has it open
    ├── StorageError             the storage: missing, full, not writable
    │   └── StorageUnavailableError  can't be reached, or does not answer in time: try again
    ├── CatalogError             the SQL index
    │   ├── CatalogUnavailableError  locked or unreachable: try again
    │   ├── CatalogVersionError      made by a newer version of this project
    │   └── RecordingNotFoundError   no such episode, run or recording
    ├── QuotaError               a client or a run has reached a limit
    ├── ServerStartError         Redis, or another server, can't be found or started
    └── VideoError               drawing or encoding
"""

from __future__ import annotations

__all__ = [
    "BlackBoxError",
    "BlackBoxInUseError",
    "BlackBoxVersionError",
    "CatalogError",
    "CatalogUnavailableError",
    "CatalogVersionError",
    "EpisodeFileCorruptError",
    "EpisodeFileError",
    "EpisodeFileTooLargeError",
    "EpisodeFileVersionError",
    "MissingExtraError",
    "OutputError",
    "QuotaError",
    "RecorderError",
    "RecordingNotFoundError",
    "ServerStartError",
    "SettingsError",
    "ShapeChangedError",
    "StorageError",
    "StorageUnavailableError",
    "StreamCorruptError",
    "StreamError",
    "StreamFullError",
    "StreamUnavailableError",
    "UnknownColumnError",
    "UsageError",
    "VideoError",
    "WrongModuleError",
    "shortened",
]


_MAX_MESSAGE = 800


def shortened(message: str) -> str:
    """The message, without its middle if it is long; the ends have the subject."""
    if len(message) <= _MAX_MESSAGE:
        return message
    half = _MAX_MESSAGE // 2
    return f"{message[:half]} … {message[-half:]}"


class RecorderError(Exception):
    """The root of all errors that this project raises on purpose."""


class SettingsError(RecorderError):
    """The configuration is invalid."""


class UsageError(RecorderError):
    """A public function was called with invalid arguments."""


class MissingExtraError(RecorderError):
    """An optional part is not installed.

    Args:
        what: the feature that needs it.
        extra: the extra that installs it; empty for the base package.
        command: a command that runs it without installation, if there is one.
    """

    def __init__(self, what: str, extra: str, *, command: str | None = None) -> None:
        package = f"'hamlet-recorder[{extra}]'" if extra else "hamlet-recorder"
        otherwise = "" if command is None else f"; or run, without installing: {command}"
        super().__init__(f"{what} needs a part that is not installed: pip install {package}{otherwise}")
        self.extra = extra


class WrongModuleError(RecorderError):
    """Another file hides a required package."""


class OutputError(RecorderError):
    """Standard output can't be written.

    Args:
        error: the system's error.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output can't be written: {error.strerror or error}")
        self.is_broken_pipe = isinstance(error, BrokenPipeError)


class StreamError(RecorderError):
    """The step stream."""


class StreamUnavailableError(StreamError):
    """Redis can't be reached, or refuses writes for now."""


class StreamFullError(StreamUnavailableError):
    """The memory of Redis is full. Reading and deleting still work."""


class StreamCorruptError(StreamError):
    """An entry in the stream is invalid."""


class EpisodeFileError(RecorderError):
    """A recording. Long messages are shortened, whatever the file contains."""

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message))


class EpisodeFileCorruptError(EpisodeFileError):
    """Bytes that are invalid by FORMAT.md."""


class EpisodeFileTooLargeError(EpisodeFileError):
    """A size beyond the reader's limits, checked before memory is allocated."""


class EpisodeFileVersionError(EpisodeFileError):
    """An unknown version."""


class UnknownColumnError(EpisodeFileError):
    """A column that the episode does not have."""


class ShapeChangedError(EpisodeFileError):
    """A column whose shape changes within the episode was requested as one array."""


class QuotaError(RecorderError):
    """A client or a run has reached a limit.

    Args:
        retry_after_secs: when to try again; None if something must be removed first.
    """

    def __init__(self, message: str, *, retry_after_secs: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_secs = retry_after_secs


class BlackBoxError(RecorderError):
    """A trainer's ring file is foreign or damaged, or it can't be made."""


class BlackBoxVersionError(BlackBoxError):
    """A newer version of this project made the ring file."""


class BlackBoxInUseError(BlackBoxError):
    """Another process has the ring file open."""


class StorageError(RecorderError):
    """The storage is missing, full or not writable.

    Args:
        is_missing_file: the file to read does not exist, although the storage can be reached. False for writes.
    """

    def __init__(self, message: str, *, is_missing_file: bool = False) -> None:
        super().__init__(message)
        self.is_missing_file = is_missing_file


class StorageUnavailableError(StorageError):
    """The storage can't be reached, or does not answer in time; a retry may succeed."""


class CatalogError(RecorderError):
    """The SQL index."""


class CatalogUnavailableError(CatalogError):
    """The catalog is locked or can't be reached; a retry may succeed."""


class CatalogVersionError(CatalogError):
    """The catalog was made by a newer version of this project."""


class RecordingNotFoundError(CatalogError):
    """No such run, episode or recording."""


class ServerStartError(RecorderError):
    """Redis, or another server, can't be found or started."""


class VideoError(RecorderError):
    """Drawing or encoding a video failed."""
