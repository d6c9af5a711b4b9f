"""Checks that the catalog, the recordings folder and Redis belong to the same installation."""

from __future__ import annotations

from collections.abc import Iterator

from recorder.commands.arguments.opening import installation_of, marked_place
from recorder.commands.arguments.opening_redis import check_redis_owner
from recorder.commands.checks.finding import Finding
from recorder.commands.checks.server import FoundRedis
from recorder.errors import RecorderError, StreamError
from recorder.installation import Installation
from recorder.settings import Settings

__all__ = ["check_installation"]


def check_installation(settings: Settings, redis: FoundRedis) -> Iterator[Finding]:
    """Report mismatches. Parts that can't be read are left to other checks."""
    try:
        ours = installation_of(settings)
        findings = [*_folder(settings, ours), *_redis(settings, redis, ours)]
    except RecorderError:
        return
    if not findings and ours.installation_id:
        findings = [
            Finding("ok", "installation", f"{ours.installation_id}: catalog, recordings and Redis belong together")
        ]
    yield from findings


def _folder(settings: Settings, ours: Installation) -> Iterator[Finding]:
    folder = settings.local_recordings_dir
    if folder is not None and not folder.is_dir():
        return
    marked = marked_place(settings)
    mark, place, mark_place = marked.mark, marked.place, marked.mark_place
    if mark is None:
        if ours.installation_id:
            yield Finding(
                "warn",
                "recordings",
                f"no worker of this catalog has used this folder, or the folder was deleted and recreated: {place}",
                "check that it is the right folder and is mounted; a running worker marks it for this catalog",
            )
    elif mark.is_copied:
        yield Finding(
            "ok",
            "installation",
            f"the folder is a copy; its first worker gives it a new installation id: {place}",
        )
    elif mark.installation.differs_from(ours):
        yield Finding(
            "fail",
            "installation",
            f"the recordings in this folder belong to another catalog, {mark.installation.catalog}: {place}",
            f"use that catalog or another folder; if this catalog replaces it, delete {mark_place}",
        )


def _redis(settings: Settings, redis: FoundRedis, ours: Installation) -> Iterator[Finding]:
    if not redis.is_usable:
        return
    try:
        check_redis_owner(settings, redis.url, ours)
    except StreamError as error:
        yield Finding("fail", "installation", "Redis belongs to another installation", str(error))
