"""The recording's file, as it lies in its storage: whole or by ranges, sent piece by piece and never held in memory."""

from __future__ import annotations

import os
from urllib.parse import quote

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from recorder.recordings import find_recording, open_recording_file
from replay_server.rest.caching import add_caching
from replay_server.services import Services

__all__ = ["make_files"]

_PIECE_BYTES = 256 * 1024


def make_files(services: Services) -> Blueprint:
    """The route of files."""
    files = Blueprint("files", __name__)

    @files.get("/episodes/<run:run_id>/<int:episode_id>/file")
    def get_file(run_id: str, episode_id: int) -> ResponseReturnValue:
        row = find_recording(services.catalog, run_id, episode_id)
        file = open_recording_file(services.storage, row)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        # werkzeug's own wrapper, for gunicorn's can't seek: a range at the end would read all that is before it.
        pieces = FileWrapper(file, _PIECE_BYTES)
        response = Response(pieces, content_type="application/octet-stream", direct_passthrough=True)
        response.content_length = size
        name = row.file_path.rpartition("/")[2]
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        try:
            return add_caching(response, row.content_hash, row.content_hash, n_bytes=size)
        except RequestedRangeNotSatisfiable:
            file.close()
            raise

    return files
