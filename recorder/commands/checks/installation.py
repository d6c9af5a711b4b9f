"""Whether catalog, recordings folder and server belong together."""

from __future__ import annotations

from collections.abc import Iterator

from recorder.commands.arguments.opening import check_server_of, find_server_url, installation_of
from recorder.commands.checks.finding import Finding
from recorder.errors import RecorderError, StreamError
from recorder.installation import MARK_NAME, Installation, read_mark
from recorder.settings import Settings

__all__ = ["check_installation"]


def check_installation(settings: Settings) -> Iterator[Finding]:
    """What is said of the three; other checks tell of what can't be read at all."""
    try:
        ours = installation_of(settings)
        findings = [*_folder(settings, ours), *_server(settings, ours)]
    except RecorderError:
        return
    if not findings and ours.installation_id:
        findings = [Finding("ok", "installation", f"{ours.installation_id}: what is here belongs together")]
    yield from findings


def _folder(settings: Settings, ours: Installation) -> Iterator[Finding]:
    folder = settings.local_recordings_dir
    if folder is None or not folder.is_dir():
        return
    mark = read_mark(folder)
    if mark is None:
        if ours.installation_id:
            yield Finding(
                "warn",
                "recordings",
                f"no worker of this catalog has used this folder, or it was deleted and made anew: {folder}",
                "is it mounted, and the right one? A worker that runs marks it as this catalog's",
            )
    elif mark.is_copied:
        yield Finding(
            "ok",
            "installation",
            f"the folder is a copy: its first worker makes it an installation of its own: {folder}",
        )
    elif mark.installation.is_another_than(ours):
        yield Finding(
            "fail",
            "installation",
            f"the recordings in this folder belong to another catalog, {mark.installation.catalog}: {folder}",
            f"use that one, or another folder; if this catalog takes its place for good, delete {folder / MARK_NAME}",
        )


def _server(settings: Settings, ours: Installation) -> Iterator[Finding]:
    try:
        check_server_of(settings, find_server_url(settings), ours)
    except StreamError as error:
        yield Finding("fail", "installation", "the server belongs to another one", str(error))
