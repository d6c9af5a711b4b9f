"""Serves a stored file, whole or by ranges, in pieces that are never all in memory."""

from __future__ import annotations

import os
from typing import BinaryIO
from urllib.parse import quote

from flask import Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from replay_server.rest.caching import add_caching

__all__ = ["send_stored_file"]

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
