"""Valid run ids: texts that Redis, file systems and databases can hold."""

from __future__ import annotations

from recorder.values.text import sanitize_text

__all__ = ["MAX_RUN_ID_BYTES", "why_no_run_id"]

MAX_RUN_ID_BYTES = 2000
"""As UTF-8. PostgreSQL's indexes hold 2,704 bytes, shared with other columns."""


def why_no_run_id(text: str) -> str | None:
    """Why a text is not a valid run id; None if it is."""
    if not text:
        return "it is empty"
    if sanitize_text(text) != text:
        return "it has characters that files and databases can't hold"
    if len(text.encode()) > MAX_RUN_ID_BYTES:
        return f"it is longer than {MAX_RUN_ID_BYTES} bytes"
    return None
