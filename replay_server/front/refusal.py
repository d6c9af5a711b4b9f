"""The answer to a request that the application does not see."""

from __future__ import annotations

import h11

from recorder.values.json_text import to_json

__all__ = ["refusal"]

_CODES = {408: "request_timeout", 413: "request_entity_too_large", 431: "headers_too_large", 500: "internal"}


def refusal(status: int, message: str, *, is_head: bool) -> list[h11.Event]:
    """Return a complete answer, after which the connection ends.

    Args:
        is_head: the request was HEAD, so that the answer has no body.
    """
    error = {"code": _CODES.get(status, "bad_request"), "message": message, "detail": None}
    body = to_json({"error": error}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    return [
        h11.Response(status_code=status, headers=headers),
        h11.Data(data=b"" if is_head else body),
        h11.EndOfMessage(),
    ]
