"""The folder of black boxes, private, with one file for each recorder."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from recorder.errors import BlackBoxError
from recorder.urls import is_url

__all__ = [
    "JOURNAL_SUFFIX",
    "RING_SUFFIX",
    "SPOOL_SUFFIX",
    "default_folder",
    "journal_of",
    "new_path",
    "recover_command",
    "ring_files",
    "spool_of",
    "temporary_folder",
]

RING_SUFFIX = ".blackbox"
JOURNAL_SUFFIX = ".journal"
SPOOL_SUFFIX = ".spool"


def default_folder(recordings_dir: Path | None = None) -> Path:
    """The folder of black boxes: below the recordings where they are known, else below the user's state folder."""
    if recordings_dir is not None:
        return recordings_dir / ".black_boxes"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "hamlet-recorder" / "black_boxes"


def temporary_folder() -> Path:
    """Where black boxes go when the user's state folder can't be written."""
    return Path(tempfile.gettempdir()) / f"hamlet-recorder-{os.getuid()}-black_boxes"


def new_path(folder: Path, run_id: str) -> Path:
    """A name for a new ring in ``folder``, which is made, for this user alone, where it is not there.

    Raises:
        BlackBoxError: the folder can't be made, or others may write into it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode
    except OSError as error:
        raise BlackBoxError(f"can't make the folder of black boxes: {error.strerror or error}: {folder}") from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
        raise BlackBoxError(f"others may write into the folder of black boxes: chmod 700 {folder}")
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in run_id)[:80]
    return folder / f"{name}-{os.getpid()}-{secrets.token_hex(3)}{RING_SUFFIX}"


def ring_files(folder: Path) -> Iterator[Path]:
    """The ring files in a folder, by name; none where there is no such folder."""
    if folder.is_dir():
        yield from sorted(folder.glob(f"*{RING_SUFFIX}"))


def journal_of(ring: Path) -> Path:
    """The sender's journal beside a ring file."""
    return ring.with_name(ring.name + JOURNAL_SUFFIX)


def spool_of(ring: Path) -> Path:
    """The spool beside a ring file."""
    return ring.with_name(ring.name + SPOOL_SUFFIX)


def recover_command(path: Path, server: str) -> str:
    """The command that sends what a black box holds, to be typed as it is.

    Args:
        path: the ring file.
        server: the Redis that it is for; where this hides a password, the user puts it in.
    """
    return shlex.join(["hamlet-recorder", "recover", "--redis-url", server if is_url(server) else "URL", str(path)])
