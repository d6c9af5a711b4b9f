"""The recording's file, as it lies on disk: whole or by ranges."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from recorder.recordings import find_recording, read_recording
from replay_server.rest.caching import add_caching
from replay_server.services import Services

__all__ = ["make_files"]


def make_files(services: Services) -> Blueprint:
    """The route of files."""
    files = Blueprint("files", __name__)

    @files.get("/episodes/<run:run_id>/<int:episode_id>/file")
    def get_file(run_id: str, episode_id: int) -> ResponseReturnValue:
        row = find_recording(services.catalog, run_id, episode_id)
        data = read_recording(services.storage, row)
        response = Response(data, content_type="application/octet-stream")
        name = row.file_path.rpartition("/")[2]
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        return add_caching(response, row.content_hash, row.content_hash, n_bytes=len(data))

    return files
