"""Which texts can name a run: those that a server, a file system and a database can all hold."""

from __future__ import annotations

import re

__all__ = ["MAX_RUN_ID_BYTES", "why_no_run_id"]

MAX_RUN_ID_BYTES = 2000
"""As UTF-8. PostgreSQL's indexes hold 2,704 bytes, which a run's id shares with other columns."""

_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")


def why_no_run_id(text: str) -> str | None:
    """What keeps a text from naming a run; None when it can."""
    if not text:
        return "it is empty"
    if _UNHOLDABLE.search(text):
        return "it holds letters that no file and no database takes"
    if len(text.encode()) > MAX_RUN_ID_BYTES:
        return f"it is longer than {MAX_RUN_ID_BYTES} bytes"
    return None
