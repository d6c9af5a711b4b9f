"""Errors of REST: one shape, and the status that fits."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, NotFound

from recorder.errors import (
    CatalogError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    RecorderError,
    RecordingNotFoundError,
    StorageError,
    StreamError,
    UsageError,
    shortened,
)
from replay_server.json_text import to_json
from replay_server.memory import BusyError

__all__ = ["HttpError", "add_error_handlers", "error_response"]

logger = logging.getLogger(__name__)

_NO_SUCH_ADDRESS = "nothing lies at this address; /api/v1/openapi.json names those of the API"


class HttpError(RecorderError):
    """A request that is answered by an error.

    Args:
        status: HTTP status; code: word for programs; message: sentence for people; detail: anything more.
    """

    def __init__(self, status: int, code: str, message: str, detail: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail


def error_response(error: HttpError) -> Response:
    """The error in its one shape."""
    body = {"error": {"code": error.code, "message": shortened(str(error)), "detail": error.detail}}
    return Response(to_json(body) + "\n", status=error.status, content_type="application/json")


def add_error_handlers(app: Flask) -> None:
    """Answer every error in the one shape."""

    @app.errorhandler(RecorderError)
    def ours(error: RecorderError) -> Response:
        return error_response(_as_http(error))

    @app.errorhandler(HTTPException)
    def werkzeugs(error: HTTPException) -> Response:
        code = (error.name or "error").lower().replace(" ", "_")
        told = _NO_SUCH_ADDRESS if isinstance(error, NotFound) else error.description
        response = error_response(HttpError(error.code or 500, code, f"{told} ({request.method} {request.path})"))
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def unexpected(_error: Exception) -> Response:
        logger.exception("a request failed: %s %s", request.method, request.path)
        return error_response(HttpError(500, "internal", "the server failed to answer this; its log says why"))


def _as_http(error: RecorderError) -> HttpError:
    match error:
        case HttpError():
            return error
        case RecordingNotFoundError():
            return HttpError(404, "not_found", str(error))
        case UsageError():
            return HttpError(400, "bad_request", str(error))
        case EpisodeFileTooLargeError():
            return HttpError(413, "too_large", str(error))
        case EpisodeFileError() | StorageError():
            return HttpError(422, "unreadable", str(error))
        case CatalogError() | StreamError() | BusyError():
            return HttpError(503, "unavailable", str(error))
        case _:
            logger.error("a request failed: %s %s: %s", request.method, request.path, error)
            return HttpError(500, "internal", str(error))
