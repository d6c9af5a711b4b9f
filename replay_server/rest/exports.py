"""An episode to take away: its file as it is stored, its player in one HTML file, its steps as a table or as arrays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from recorder.html_file import build_html
from recorder.recordings.find import find_recording, open_recording_file
from recorder.recordings.npz import npz_pieces
from recorder.recordings.steps import blocks_of, values_of
from replay_server.episodes.recorded import OpenedRecording
from replay_server.rest.arguments import refuse_unknown
from replay_server.rest.errors import HttpError
from replay_server.rest.responses import add_caching, send_stored_file
from replay_server.services import Services

__all__ = ["make_exports", "make_files"]

_MAX_HTML_BYTES = 16 * 2**20
"""Of the recording. The document is built in memory, and browsers are slow with larger ones."""


def make_exports(services: Services) -> Blueprint:
    """Create the routes of the HTML file, the table and the arrays."""
    exports = Blueprint("exports", __name__)

    @exports.get("/episodes/<run:run_id>/<int:episode_id>/player.html")
    def player(run_id: str, episode_id: int) -> ResponseReturnValue:
        refuse_unknown(request.args, ("v", "token"))
        opened = services.library.open(run_id, episode_id)
        if opened.row.file_size_bytes > _MAX_HTML_BYTES:
            raise HttpError(
                413,
                "too_large",
                f"the recording has {opened.row.file_size_bytes:,} bytes, and the limit is {_MAX_HTML_BYTES:,}: make the "
                f"file with 'hamlet-recorder export {episode_id} --output episode.html'",
            )
        response = Response(build_html(opened.episode), content_type="text/html; charset=utf-8")
        return _saved(response, opened, "html")

    @exports.get("/episodes/<run:run_id>/<int:episode_id>/steps.csv")
    def table(run_id: str, episode_id: int) -> ResponseReturnValue:
        refuse_unknown(request.args, ("v", "token"))
        opened = services.library.open(run_id, episode_id)
        response = Response(_lines(opened), content_type="text/csv; charset=utf-8")
        response.automatically_set_content_length = False  # the whole table would have to be held to know it
        return _saved(response, opened, "csv")

    @exports.get("/episodes/<run:run_id>/<int:episode_id>/steps.npz")
    def arrays(run_id: str, episode_id: int) -> ResponseReturnValue:
        refuse_unknown(request.args, ("v", "token"))
        opened = services.library.open(run_id, episode_id)
        response = Response(npz_pieces(opened.episode), content_type="application/zip")
        response.automatically_set_content_length = False
        return _saved(response, opened, "npz")

    return exports


def _saved(response: Response, opened: OpenedRecording, kind: str) -> Response:
    """Let the browser save the answer, under a name that tells episodes apart."""
    name = f"episode_{opened.row.episode_id:06d}.{kind}"
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return add_caching(response, f"{opened.row.content_hash}-{kind}", opened.row.content_hash)


def _lines(opened: OpenedRecording) -> Iterator[bytes]:
    """Yield a line of names, then one line a step. A column with several values has one column each in the table."""
    episode = opened.episode
    names = list(episode.names)
    is_begun = False
    for first, end in blocks_of(episode, 0, episode.n_steps, None):
        columns = [list(map(_flat, values_of(episode, name, first, end))) for name in names]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not is_begun:
            is_begun = True
            writer.writerow(["step", *_headings(names, [column[0] for column in columns])])
        numbers = episode.step_numbers[first:end].tolist()
        writer.writerows([n, *(v for row in rows for v in row)] for n, *rows in zip(numbers, *columns, strict=True))
        yield text.getvalue().encode()


def _flat(value: Any) -> list[Any]:
    return [item for part in value for item in _flat(part)] if isinstance(value, list | tuple) else [value]


def _headings(names: list[str], first_row: list[list[Any]]) -> Iterator[str]:
    for name, values in zip(names, first_row, strict=True):
        yield from [name] if len(values) == 1 else (f"{name}.{number}" for number in range(len(values)))


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
