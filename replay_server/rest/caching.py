"""Caching of answers about one recording, identified by its content hash."""

from __future__ import annotations

from flask import Response, request

__all__ = ["add_caching"]


def add_caching(response: Response, etag: str, content_hash: str, *, n_bytes: int | None = None) -> Response:
    """Set the ETag, and answer 304 if the client has these bytes.

    Args:
        etag: identifies these bytes.
        content_hash: the recording's; if the request has it under ``v``, the answer never changes.
        n_bytes: total size, if ranges are supported.
    """
    if content_hash:  # a file indexed without a hash has no ETag
        response.set_etag(etag)
    is_named = bool(content_hash) and request.args.get("v") == content_hash
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable" if is_named else "private, no-cache"
    response.make_conditional(request, accept_ranges=n_bytes is not None, complete_length=n_bytes)
    return response
