"""Videos: preview, request, observe, download and cancel."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from recorder.catalog import VideoBounds, VideoRow
from recorder.errors import MissingExtraError, StorageError, VideoError
from recorder.runtime.python_versions import UTC
from recorder.settings import Settings
from recorder.storage import Storage, open_videos
from recorder.video.request import VIDEO_CHOICES, captions_path
from replay_server.access.public_message import hide_places, public_message
from replay_server.access.quotas import client_of
from replay_server.rest.arguments import any_json_object, integer, refuse_unknown
from replay_server.rest.errors import HttpError, bad_request
from replay_server.rest.responses import json_response, send_stored_file
from replay_server.services import Services
from replay_server.videos.render_requests import RenderRequests
from replay_server.videos.still_pictures import StillPictures

__all__ = ["make_videos", "video_map"]

_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".vtt": "text/vtt; charset=utf-8",
    ".srt": "application/x-subrip; charset=utf-8",
}
_MOST = 1000


def make_videos(services: Services, settings: Settings) -> Blueprint:
    """Create the routes of videos.

    Raises:
        StorageError: an extra for the storage is not installed.
    """
    catalog, quotas = services.catalog, settings.server.quotas
    requests, storage = RenderRequests(catalog, settings), open_videos(settings)
    stills = StillPictures(settings)
    bounds = VideoBounds(per_client=quotas.videos_per_client, per_run=quotas.videos_per_run)
    videos = Blueprint("videos", __name__)

    @videos.post("/videos")
    def ask() -> ResponseReturnValue:
        body = _video_request(any_json_object(request))
        row, created = requests.ask(
            body.pop("run_id", None), body.pop("episode_id"), body, asked_by=client_of(request), bounds=bounds
        )
        response = json_response(video_map(row), 202 if row.state != "done" else 200)
        response.headers["Location"] = url_for("videos.one", video_id=row.video_id)
        response.headers["X-Created"] = "true" if created else "false"
        return response

    @videos.post("/videos/still")
    def still() -> ResponseReturnValue:
        body = _video_request(any_json_object(request))
        recording, wanted = requests.checked(body.pop("run_id", None), body.pop("episode_id"), body)
        try:
            picture = stills.draw(recording.run_id, recording.episode_id, wanted, body)
        except MissingExtraError as error:
            raise HttpError(404, "not_found", str(error)) from error
        except VideoError as error:
            raise HttpError(422, "unreadable", public_message(error)) from error
        return Response(picture, content_type="image/png", headers={"Cache-Control": "private, no-cache"})

    @videos.get("/videos")
    def listed() -> ResponseReturnValue:
        refuse_unknown(request.args, ("run", "episode", "state", "limit", "token"))
        rows = catalog.list_videos(
            run=request.args.get("run"),
            episode_id=integer(request.args, "episode"),
            state=request.args.get("state"),
            limit=integer(request.args, "limit", least=1, most=_MOST) or 50,
        )
        return json_response({"videos": [video_map(row) for row in rows]})

    @videos.get("/videos/<video_id>")
    def one(video_id: str) -> ResponseReturnValue:
        return json_response(video_map(catalog.get_video(video_id)))

    @videos.delete("/videos/<video_id>")
    def cancel(video_id: str) -> ResponseReturnValue:
        catalog.get_video(video_id)  # a missing video is an error; a finished one stays as it is
        catalog.cancel_video(video_id, at=datetime.now(UTC))
        return json_response(video_map(catalog.get_video(video_id)))

    @videos.get("/videos/<video_id>/file")
    def file(video_id: str) -> ResponseReturnValue:
        row = catalog.get_video(video_id)
        return _file(storage, row, row.file_path)

    @videos.get("/videos/<video_id>/captions")
    def captions(video_id: str) -> ResponseReturnValue:
        row = catalog.get_video(video_id)
        path = captions_path(row.options, row.file_path or "video.mp4")
        if path is None:
            raise HttpError(404, "not_found", "this video has no captions: request it with narrate or captions")
        return _file(storage, row, path)

    return videos


def video_map(row: VideoRow) -> dict[str, Any]:
    """Return a video in the format of PROTOCOL.md, without the columns of the workers."""
    return {
        "video_id": row.video_id,
        "run_id": row.run_id,
        "episode_id": row.episode_id,
        "state": row.state,
        "progress": row.n_frames_done / row.n_frames_total if row.n_frames_total else 0.0,
        "n_frames_done": row.n_frames_done,
        "n_frames_total": row.n_frames_total,
        "options": row.options,
        "error": None if row.error is None else hide_places(row.error),
        "note": row.note,
        "file_size_bytes": row.file_size_bytes,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
    }


def _video_request(body: dict[str, Any]) -> dict[str, Any]:
    """Return the request's body after checking the episode; ``make_request`` checks the choices."""
    if type(body.get("episode_id")) is not int:
        raise bad_request(f"expected 'episode_id' and optionally run_id, {', '.join(VIDEO_CHOICES)}")
    if not isinstance(body.get("run_id"), str | None):
        raise bad_request("run_id must be a text")
    return dict(body)


def _file(storage: Storage, row: VideoRow, path: str | None) -> Response:
    if row.state != "done" or row.file_path is None or path is None:
        raise HttpError(409, "not_ready", f"the video is {row.state}; its file exists when the state is done")
    try:
        file = storage.open(path)
    except StorageError as error:
        if not error.is_missing_file:
            raise
        raise HttpError(
            404,
            "not_found",
            "the video's file was moved or deleted: check recording.render.videos_dir, or request it with other choices",
        ) from error
    suffix = PurePosixPath(path).suffix
    return send_stored_file(
        file,
        content_type=_TYPES.get(suffix, "application/octet-stream"),
        name=f"episode_{row.episode_id:06d}{suffix}",
        etag=f"{row.video_id}-{row.file_size_bytes}{suffix}",
        saved=False,
    )
