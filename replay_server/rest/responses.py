"""Makes answers: rows of the catalog as JSON, a stored file whole or by ranges, and what a client may cache."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, BinaryIO
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from recorder.catalog import EpisodeRow
from recorder.values.json_text import to_json
from recorder.wording import reason_in_words
from replay_server.access.public_message import hide_places

__all__ = ["add_caching", "episode_map", "json_response", "send_stored_file"]

_PRIVATE = ("why_json", "attempts", "not_before", "leased_until")
"""Omitted: the explanation has another route; the rest belongs to the workers."""
_SHOWN = tuple(field.name for field in fields(EpisodeRow) if field.name not in _PRIVATE)


def json_response(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return one JSON object."""
    return Response(to_json(body) + "\n", status=status, content_type="application/json")


def episode_map(row: EpisodeRow) -> dict[str, Any]:
    """Return an episode in the format of PROTOCOL.md."""
    body: dict[str, Any] = {name: getattr(row, name) for name in _SHOWN}
    if row.error:
        body["error"] = hide_places(row.error)
    body["recorded"] = row.written_at is not None
    body["reason_words"] = [reason_in_words(reason) for reason in row.reasons]
    return body


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


_PIECE_BYTES = 256 * 1024


def send_stored_file(file: BinaryIO, *, content_type: str, name: str, etag: str, saved: bool) -> Response:
    """Return the response, which closes the file.

    Args:
        name: file name for the browser.
        etag: identifies its bytes; empty if nothing does.
        saved: True for a download, False to show it in the browser.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    # werkzeug's wrapper, because gunicorn's cannot seek and would read everything before a range
    response = Response(FileWrapper(file, _PIECE_BYTES), content_type=content_type, direct_passthrough=True)
    response.content_length = size
    how = "attachment" if saved else "inline"
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(name, safe='')}"
    try:
        return add_caching(response, etag, etag, n_bytes=size)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
