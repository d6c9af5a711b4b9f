"""Temporary folders of render workers and exports, and what killed ones leave."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.errors import VideoError

__all__ = ["left_work_folders", "work_folder"]

_PREFIX = "hamlet-render-"


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yield a temporary local folder.

    Raises:
        VideoError: it can't be created.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
    except OSError as error:
        raise VideoError(f"can't create a temporary folder ({error.strerror})") from error
    with folder as name:
        yield Path(name)


def left_work_folders() -> Iterator[Path]:
    """The folders on this machine, those in use included."""
    return Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")
