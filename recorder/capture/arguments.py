"""Checking what a recorder is made with: a wrong argument raises at once, before training begins."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from types import UnionType
from typing import Any

from recorder.capture.given_metadata import given_metadata, plain
from recorder.errors import UsageError
from recorder.run_ids import why_no_run_id
from recorder.step_stream import pack_body

__all__ = [
    "check_kind",
    "check_queue",
    "check_sender",
    "checked_config",
    "checked_run_id",
    "settled_run_id",
    "shared_metadata",
]


def check_kind(name: str, value: object, kind: type | UnionType) -> None:
    """An argument is of the kind that it has to be.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(value, kind):
        expected = " or ".join(getattr(one, "__name__", "None") for one in getattr(kind, "__args__", (kind,)))
        raise UsageError(f"{name}: expected {expected.replace('NoneType', 'None')}, found {type(value).__name__}")


def check_queue(queue_maxsize: object, on_full: object) -> None:
    """The hand-over queue's size and habit.

    Raises:
        UsageError: they can't work.
    """
    if type(queue_maxsize) is not int or queue_maxsize < 1:
        raise UsageError(f"queue_maxsize: expected a whole number of blocks, at least 1, found {queue_maxsize!r}")
    if on_full not in ("drop", "block"):
        raise UsageError(f"on_full: expected 'drop' or 'block', found {on_full!r}")


def check_sender(sender: object) -> None:
    """What sends.

    Raises:
        UsageError: there is nothing of that name.
    """
    if sender not in ("process", "thread"):
        raise UsageError(f"sender: expected 'process' or 'thread', found {sender!r}")


def checked_run_id(run_id: object) -> str:
    """A run id that can stand in keys, in paths and in the catalog.

    Raises:
        UsageError: it can't.
    """
    if not isinstance(run_id, str) or not run_id:
        raise UsageError(f"run_id: expected a text that is not empty, found {run_id!r}")
    if why := why_no_run_id(run_id):
        raise UsageError(f"run_id: {why}: {run_id!r:.300}")
    return run_id


def settled_run_id(run_id: object, *, resume: bool, is_made_unique: bool) -> str:
    """The run id that was given, made unique on request; one from the time where none was.

    Raises:
        UsageError: it can't work.
    """
    if is_made_unique and resume:
        raise UsageError("unique_run_id begins a new run, resume goes on with an old one: leave one of them out")
    given = "run" if run_id is None else checked_run_id(run_id)
    if run_id is not None and not is_made_unique:
        return given
    return f"{given}-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def checked_config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """The run's configuration in types that travel.

    Raises:
        UsageError: something in it can't; named.
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


def shared_metadata(**fields: Any) -> dict[str, Any]:
    """Fields of the metadata that all episodes of a recorder share; those that are None are left out.

    Raises:
        UsageError: a field can't be what it is; named.
    """
    given, wrong = given_metadata(fields)
    if wrong:
        raise wrong[0]
    return given
