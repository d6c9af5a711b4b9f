"""Checks that a server runs with the given settings. With its defaults it would be open to the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recorder.errors import ServerStartError
from recorder.redis_server.client import make_client, translate_errors

__all__ = ["confirm_settings"]


def confirm_settings(url: str, settings: Mapping[str, bytes]) -> None:
    """Read each setting back.

    Raises:
        ServerStartError: a setting differs.
        StreamError: the server does not answer.
    """
    client: Any = make_client(url, purpose="worker")
    client.set_response_callback("CONFIG GET", lambda reply, **_: reply)
    try:
        for name, wanted in settings.items():
            with translate_errors(url):
                found = _value(client.execute_command("CONFIG GET", name))
            if not (found == wanted or (name == "dir" and _is_same_folder(found, wanted))):
                raise ServerStartError(
                    f"Redis was stopped, because it ignored its settings: {name} is {found!r} instead of {wanted!r}; "
                    "is the program Redis or Valkey 6.2 or later?"
                )
    finally:
        client.close()


def _value(reply: Any) -> bytes | None:
    """The value in a reply of the form [name, value] or {name: value}."""
    values = list(reply.values()) if isinstance(reply, Mapping) else list(reply or ())[1::2]
    return values[0] if values else None


def _is_same_folder(found: bytes | None, wanted: bytes) -> bool:
    """Compares the folders themselves, since the server resolves links."""
    try:
        return found is not None and Path(os.fsdecode(found)).samefile(os.fsdecode(wanted))
    except OSError:
        return False
