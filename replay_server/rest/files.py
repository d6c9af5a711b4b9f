"""Serves the recording's file as it is stored."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from recorder.recordings.find import find_recording, open_recording_file
from replay_server.rest.stored_file import send_stored_file
from replay_server.services import Services

__all__ = ["make_files"]


def make_files(services: Services) -> Blueprint:
    """Create the route of files."""
    files = Blueprint("files", __name__)

    @files.get("/episodes/<run:run_id>/<int:episode_id>/file")
    def get_file(run_id: str, episode_id: int) -> ResponseReturnValue:
        row = find_recording(services.catalog, run_id, episode_id)
        file = open_recording_file(services.storage, row)
        name = row.file_path.rpartition("/")[2]
        return send_stored_file(
            file, content_type="application/octet-stream", name=name, etag=row.content_hash, saved=True
        )

    return files
