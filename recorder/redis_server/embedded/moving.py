"""Moves a running server's data after its folder was moved or deleted."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from recorder.errors import StreamError
from recorder.redis_server.client import make_client, translate_errors
from recorder.redis_server.embedded.folder import ServerFolder

__all__ = ["move_data"]

_REWRITE_SECS = 60.0
_POLL_SECS = 0.02


def move_data(url: str, to: ServerFolder) -> bool:
    """Make the server at ``url`` write all of its data to another folder.

    Its files in the old folder are deleted: a server started there would record the same episodes again.

    Returns:
        False if the new folder already has a server's data, which must not be mixed with this server's.

    Raises:
        StreamError: the server can't be reached, or can't write to the folder.
    """
    if to.append_only.exists() or to.is_locked:
        return False
    try:
        to.create()
    except OSError as error:
        raise StreamError(f"the folder of Redis can't be created ({error.strerror}): {to.path}") from error
    client: Any = make_client(url, purpose="worker")
    try:
        with translate_errors(url):
            left = _folder_of(client)
            client.config_set("appendonly", "no")
            client.execute_command("CONFIG", "SET", "dir", os.fsencode(to.path))
            client.config_set("appendonly", "yes")
            _wait_until_rewritten(client)
    finally:
        client.close()
    if left is not None and not _is_same(left, to.path):
        shutil.rmtree(left / to.append_only.name, ignore_errors=True)
        ServerFolder(left).forget_address()
    return True


def _folder_of(client: Any) -> Path | None:
    """The server's working folder; None if it was deleted."""
    found = client.config_get("dir").get("dir")
    return Path(found) if found else None


def _wait_until_rewritten(client: Any) -> None:
    deadline = time.monotonic() + _REWRITE_SECS
    while (state := client.info("persistence"))["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]:
        if time.monotonic() > deadline:
            raise StreamError(f"Redis did not rewrite its data within {_REWRITE_SECS:g} s")
        time.sleep(_POLL_SECS)
    if state["aof_last_bgrewrite_status"] != "ok":
        raise StreamError("Redis could not rewrite its data")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
