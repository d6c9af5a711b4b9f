"""Caching of what belongs to one recording: its content hash names it, so it never has to be fetched twice."""

from __future__ import annotations

from flask import Response, request

__all__ = ["add_caching"]


def add_caching(response: Response, etag: str, content_hash: str, *, n_bytes: int | None = None) -> Response:
    """Name the response, and answer 304 where the client has it.

    Args:
        etag: names these bytes.
        content_hash: the recording's; a request that has it under ``v`` names bytes that never change.
        n_bytes: size of the whole, where ranges of it may be asked for.
    """
    if content_hash:  # a file that was indexed without one can't be named
        response.set_etag(etag)
    is_named = bool(content_hash) and request.args.get("v") == content_hash
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable" if is_named else "private, no-cache"
    response.make_conditional(request, accept_ranges=n_bytes is not None, complete_length=n_bytes)
    return response
