"""Every error that this project raises on purpose.

::

    RecorderError
    ├── SettingsError            the configuration is wrong: the key, what was expected, the nearest valid key
    ├── UsageError               a public function was called with arguments that can't work
    ├── MissingExtraError        an optional part is not installed: names the command that installs it
    ├── WrongModuleError         another file hides a package that is needed: names the file
    ├── OutputError              the command line's standard output can't be written
    ├── StreamError              the step stream
    │   ├── StreamUnavailableError   the server can't be reached, or refuses writes for now: try again
    │   │   └── StreamFullError          its memory is full: it can be read, and what is there can be deleted
    │   └── StreamCorruptError       an entry in the stream is not what the protocol says
    ├── EpisodeFileError         a recording
    │   ├── EpisodeFileCorruptError  bytes that are not what FORMAT.md says
    │   ├── EpisodeFileTooLargeError a size beyond the reader's limits, refused before memory is taken
    │   ├── EpisodeFileVersionError  a version that this reader does not know
    │   ├── UnknownColumnError       a column that the episode does not have
    │   └── ShapeChangedError        a column whose shape changed in mid-episode, asked for as one array
    ├── BlackBoxError            a trainer's ring file: foreign, damaged, or it can't be made
    │   ├── BlackBoxVersionError     made by a newer version of this project
    │   └── BlackBoxInUseError       another process has it open
    ├── StorageError             the place where files lie: missing, full, not writable
    │   └── StorageUnavailableError  it can't be reached, or does not answer in time: try again
    ├── CatalogError             the SQL index
    │   ├── CatalogUnavailableError  locked or unreachable: try again
    │   ├── CatalogVersionError      made by a newer version of this project
    │   └── RecordingNotFoundError   no such episode, run or recording
    ├── QuotaError               a client or a run has as much as it may have
    ├── ServerStartError         no Redis-compatible server could be found or started
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
    """A message of a sensible length: of a longer one the middle is left out, for what it is about stands at its ends."""
    if len(message) <= _MAX_MESSAGE:
        return message
    half = _MAX_MESSAGE // 2
    return f"{message[:half]} … {message[-half:]}"


class RecorderError(Exception):
    """The root: ``except RecorderError`` catches whatever this project raises on purpose."""


class SettingsError(RecorderError):
    """The configuration is wrong."""


class UsageError(RecorderError):
    """A public function was called with arguments that can't work."""


class MissingExtraError(RecorderError):
    """An optional part is not installed.

    Args:
        what: needs it.
        extra: installs it; empty for what every installation has.
        command: runs it without installing anything, where there is one.
    """

    def __init__(self, what: str, extra: str, *, command: str | None = None) -> None:
        package = f"'hamlet-recorder[{extra}]'" if extra else "hamlet-recorder"
        otherwise = "" if command is None else f"; or run, without installing: {command}"
        super().__init__(f"{what} needs a part that is not installed: pip install {package}{otherwise}")
        self.extra = extra


class WrongModuleError(RecorderError):
    """Another file hides a package that is needed."""


class OutputError(RecorderError):
    """The command line's standard output can't be written.

    Args:
        error: of the system.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output can't be written: {error.strerror or error}")
        self.is_broken_pipe = isinstance(error, BrokenPipeError)


class StreamError(RecorderError):
    """The step stream."""


class StreamUnavailableError(StreamError):
    """The server can't be reached, or refuses writes for now."""


class StreamFullError(StreamUnavailableError):
    """The server's memory is full: it can be read, and what is there can be deleted, but nothing can be added."""


class StreamCorruptError(StreamError):
    """An entry in the stream is not what the protocol says."""


class EpisodeFileError(RecorderError):
    """A recording. Its message stays short, whatever the file holds: of a long one the middle is left out."""

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message))


class EpisodeFileCorruptError(EpisodeFileError):
    """Bytes that are not what FORMAT.md says."""


class EpisodeFileTooLargeError(EpisodeFileError):
    """A size beyond the reader's limits, refused before memory is taken."""


class EpisodeFileVersionError(EpisodeFileError):
    """A version that this reader does not know."""


class UnknownColumnError(EpisodeFileError):
    """A column that the episode does not have."""


class ShapeChangedError(EpisodeFileError):
    """A column whose shape changed in mid-episode was asked for as one array."""


class QuotaError(RecorderError):
    """A client or a run has as much as it may have.

    Args:
        retry_after_secs: when there may be room; None where there is none until something is removed.
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
    """The place where files lie: missing, full, not writable.

    Args:
        is_missing_file: there is no such file to read, as far as the place can be reached. A file that can't be written
            because of a folder that can't be there is none of these.
    """

    def __init__(self, message: str, *, is_missing_file: bool = False) -> None:
        super().__init__(message)
        self.is_missing_file = is_missing_file


class StorageUnavailableError(StorageError):
    """The place can't be reached, or does not answer in time: the same call may work in a moment."""


class CatalogError(RecorderError):
    """The SQL index."""


class CatalogUnavailableError(CatalogError):
    """Locked or unreachable: the same call may work in a moment."""


class CatalogVersionError(CatalogError):
    """The catalog was made by a newer version of this project."""


class RecordingNotFoundError(CatalogError):
    """No such run, episode or recording."""


class ServerStartError(RecorderError):
    """No Redis-compatible server could be found or started."""


class VideoError(RecorderError):
    """Drawing or encoding a video failed."""
