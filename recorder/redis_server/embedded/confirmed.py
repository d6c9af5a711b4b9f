"""Whether a server runs with the settings that it was given: one that did not read them would listen to everybody."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recorder.errors import ServerStartError
from recorder.redis_server.client import make_client, translate_errors

__all__ = ["confirm_settings"]


def confirm_settings(url: str, settings: Mapping[str, bytes]) -> None:
    """Ask the server for each of its settings.

    Raises:
        ServerStartError: one of them is not as it was given.
        StreamError: the server doesn't answer.
    """
    client: Any = make_client(url, purpose="worker")
    client.set_response_callback("CONFIG GET", lambda reply, **_: reply)
    try:
        for name, wanted in settings.items():
            with translate_errors(url):
                found = _value(client.execute_command("CONFIG GET", name))
            if not (found == wanted or (name == "dir" and _is_same_folder(found, wanted))):
                raise ServerStartError(
                    f"the server did not take its settings: {name} is {found!r}, it was given {wanted!r}; "
                    "it was stopped. Is the program a Redis or Valkey server of version 6.2 or later?"
                )
    finally:
        client.close()


def _value(reply: Any) -> bytes | None:
    """Of a reply in the old shape, [name, value], or the new, {name: value}."""
    values = list(reply.values()) if isinstance(reply, Mapping) else list(reply or ())[1::2]
    return values[0] if values else None


def _is_same_folder(found: bytes | None, wanted: bytes) -> bool:
    """The server tells its folder with all links followed."""
    try:
        return found is not None and Path(os.fsdecode(found)).samefile(os.fsdecode(wanted))
    except OSError:
        return False
