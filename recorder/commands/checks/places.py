"""Checks permissions and free space of the recordings folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.commands.terminal.output import human_bytes
from recorder.errors import RecorderError
from recorder.settings import Settings
from recorder.storage import open_recordings
from recorder.urls import redact

__all__ = ["check_places"]

_FAIL_BELOW_BYTES = 200 * 1024**2
_WARN_BELOW_BYTES = 2 * 1024**3
"""A day of a busy run: about 100,000 episodes of 19 kB."""


def check_places(settings: Settings, _redis: FoundRedis) -> Iterator[Finding]:
    """Report whether recordings can be written, and the free space."""
    folder = settings.local_recordings_dir
    if folder is None:
        try:
            next(open_recordings(settings).names(), None)
        except RecorderError as error:
            yield Finding("fail", "recordings", "can't be listed", str(error))
        else:
            yield Finding("ok", "recordings", f"URL can be listed: {redact(settings.recordings_dir)}")
        return
    place = _nearest_that_exists(folder.absolute())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "fail",
            "recordings",
            f"can't be written by this user: {place}",
            "change its owner, or choose another folder: --recordings DIR",
        )
        return
    yield Finding(
        "ok", "recordings", str(folder) if folder.exists() else f"{folder} (created with the first recording)"
    )
    free = shutil.disk_usage(place).free
    if free < _FAIL_BELOW_BYTES:
        yield Finding(
            "fail", "disk", f"{human_bytes(free)} free at {place}", "delete recordings: hamlet-recorder prune"
        )
    elif free < _WARN_BELOW_BYTES:
        yield Finding(
            "warn", "disk", f"{human_bytes(free)} free at {place}", "delete recordings: hamlet-recorder prune"
        )
    else:
        yield Finding("ok", "disk", f"{human_bytes(free)} free")


def _nearest_that_exists(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
