"""What a recorder is made with: its arguments are checked at once, before training begins, and made from the settings."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from recorder.black_box.format import MAX_CAPACITY, MIN_CAPACITY
from recorder.black_box.places import default_folder
from recorder.capture.writing.inlet import OnFull
from recorder.errors import UsageError
from recorder.publish.limits import PublisherLimits
from recorder.publish.metadata.given import given_metadata
from recorder.publish.metadata.plain import plain
from recorder.run_ids import why_no_run_id
from recorder.step_stream import pack_body
from recorder.urls import is_url
from recorder.values.argument_kinds import check_kind

if TYPE_CHECKING:
    from recorder.settings import Settings  # a recorder that is not configured by a file need not load it

__all__ = [
    "DEFAULT_BLACK_BOX_BYTES",
    "arguments_from_settings",
    "black_box_capacity",
    "black_box_folder",
    "checked_config",
    "decided_run_id",
    "on_full_choices",
    "shared_metadata",
]

DEFAULT_BLACK_BOX_BYTES = 64 * 2**20

_QUEUED_STEP_BYTES = 64 * 256
"""What a block of ``queue_maxsize``, 64 steps, takes in a black box."""


def black_box_capacity(black_box_bytes: object, queue_maxsize: object) -> int:
    """Bytes of the ring.

    Args:
        queue_maxsize: blocks of 64 steps for which there must be room at least; None if it is not given.

    Raises:
        UsageError: they can't work.
    """
    if type(black_box_bytes) is not int or not MIN_CAPACITY <= black_box_bytes <= MAX_CAPACITY:
        raise UsageError(
            f"black_box_bytes: expected a whole number from {MIN_CAPACITY} to {MAX_CAPACITY}, found {black_box_bytes!r}"
        )
    if queue_maxsize is None:
        return black_box_bytes
    if type(queue_maxsize) is not int or queue_maxsize < 1:
        raise UsageError(f"queue_maxsize: expected a whole number of blocks, at least 1, found {queue_maxsize!r}")
    return min(MAX_CAPACITY, max(black_box_bytes, queue_maxsize * _QUEUED_STEP_BYTES))


def decided_run_id(run_id: object, *, resume: bool, is_made_unique: bool) -> str:
    """The run id that was given, made unique on request; one from the time where none was.

    Raises:
        UsageError: it can't work.
    """
    if is_made_unique and resume:
        raise UsageError("unique_run_id begins a new run, resume goes on with an old one: leave one of them out")
    if run_id is not None:
        if not isinstance(run_id, str) or not run_id:
            raise UsageError(f"run_id: expected a text that is not empty, found {run_id!r}")
        if why := why_no_run_id(run_id):
            raise UsageError(f"run_id: {why}: {run_id!r:.300}")
        if not is_made_unique:
            return run_id
    return f"{run_id or 'run'}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def checked_config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """The run's configuration in types that travel.

    Raises:
        UsageError: a value can't; the message names it.
    """
    if not isinstance(config, Mapping | None):
        raise UsageError(f"config: expected a map, found {type(config).__name__}")
    checked = {}
    for name, value in (config or {}).items():
        try:
            checked[str(name)] = plain(value)
            pack_body({str(name): checked[str(name)]})
        except (UsageError, ValueError, RecursionError) as error:
            raise UsageError(f"config: {name}: {error}") from error
    return checked


def shared_metadata(**given: Any) -> dict[str, Any]:
    """Fields of the metadata that all episodes of a recorder share; those that are None are left out.

    Raises:
        UsageError: a field has an invalid value; the message names it.
    """
    metadata, wrong = given_metadata(given)
    if wrong:
        raise wrong[0]
    return metadata


def arguments_from_settings(settings: Settings, *, finds_server: bool) -> dict[str, Any]:
    """The settings as arguments of ``EpisodeRecorder``.

    Args:
        finds_server: look beside the recordings where they name no server.
    """
    from recorder.redis_server.find import find_server_url  # lazy: loads the models of the settings
    from recorder.settings import Settings

    check_kind("settings", settings, Settings)
    capture, redis = settings.capture, settings.redis
    limits = {limit.name: getattr(capture, limit.name) for limit in fields(PublisherLimits)}
    return {
        "stream": find_server_url(settings) if finds_server else None,
        "key_prefix": redis.key_prefix,
        "socket_timeout_secs": redis.socket_timeout_secs,
        "run_id": settings.run_id,
        "resume": settings.resume,
        "unique_run_id": settings.unique_run_id,
        "black_box_bytes": int(capture.black_box_bytes),
        "black_box_dir": black_box_folder(settings),
        "queue_maxsize": capture.queue_maxsize,
        "on_full": capture.on_full,
        "sender": capture.sender,
        "limits": PublisherLimits(**limits),
    }


def black_box_folder(settings: Settings) -> Path:
    """Where a trainer of these settings has its ring file."""
    if settings.capture.black_box_dir is not None:
        return Path(settings.capture.black_box_dir.removeprefix("file://"))
    recordings_dir = str(settings.recordings_dir)
    return default_folder(None if is_url(recordings_dir) else Path(recordings_dir))


def on_full_choices() -> tuple[str, ...]:
    """What ``on_full`` may be."""
    return get_args(OnFull)
