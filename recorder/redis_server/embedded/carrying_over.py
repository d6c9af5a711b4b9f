"""Taking a running server's data along when its folder was moved or deleted below it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from recorder.errors import StreamError
from recorder.redis_server.client import make_client, translate_errors
from recorder.redis_server.embedded.folder import ServerFolder

__all__ = ["carry_over"]

_REWRITE_SECS = 60.0
_POLL_SECS = 0.02


def carry_over(url: str, to: ServerFolder) -> bool:
    """Have the server at ``url`` write all of its data below another folder from now on.

    Nothing of it is left in the folder where it was, if that still is somewhere: a server that starts there later would
    record the same episodes a second time.

    Returns:
        False when the new folder has a server's data already, which must not be mixed with this one's.

    Raises:
        StreamError: the server can't be reached, or can't write there.
    """
    if to.append_only.exists() or to.is_locked:
        return False
    try:
        to.create()
    except OSError as error:
        raise StreamError(f"the server's folder can't be made ({error.strerror}): {to.path}") from error
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
    """Where the server's working folder is by now; None when it was deleted."""
    found = client.config_get("dir").get("dir")
    return Path(found) if found else None


def _wait_until_rewritten(client: Any) -> None:
    deadline = time.monotonic() + _REWRITE_SECS
    while (state := client.info("persistence"))["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]:
        if time.monotonic() > deadline:
            raise StreamError(f"the server did not write its data anew within {_REWRITE_SECS:g} s")
        time.sleep(_POLL_SECS)
    if state["aof_last_bgrewrite_status"] != "ok":
        raise StreamError("the server could not write its data anew")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
