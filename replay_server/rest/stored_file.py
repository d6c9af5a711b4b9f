"""A file as it lies in its storage: whole or by ranges, sent piece by piece and never held in memory."""

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
    """The response; it closes the file.

    Args:
        name: under which a browser saves it.
        etag: names its bytes; empty where nothing does.
        saved: True when a browser saves it at once, False when it shows it.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    # werkzeug's own wrapper, for gunicorn's can't seek: a range at the end would read all that is before it.
    response = Response(FileWrapper(file, _PIECE_BYTES), content_type=content_type, direct_passthrough=True)
    response.content_length = size
    how = "attachment" if saved else "inline"
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(name, safe='')}"
    try:
        return add_caching(response, etag, etag, n_bytes=size)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
