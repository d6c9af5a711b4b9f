"""Errors of REST: one format, and the status code for each error."""

from __future__ import annotations

import logging
import math
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, NotFound

from recorder.errors import (
    CatalogError,
    EpisodeFileError,
    EpisodeFileTooLargeError,
    QuotaError,
    RecorderError,
    RecordingNotFoundError,
    StorageError,
    StorageUnavailableError,
    StreamError,
    UsageError,
    shortened,
)
from recorder.values.json_text import to_json
from replay_server.access.public_message import public_message
from replay_server.memory.budget import BusyError
from replay_server.rest.error_page import make_error_page, wants_page

__all__ = ["HttpError", "add_error_handlers", "error_response"]

logger = logging.getLogger(__name__)

_NO_SUCH_ADDRESS = "nothing found at this address; /api/v1/openapi.json lists those of the API"
_NO_SUCH_PAGE = "There is no page at this address. The link may be old or incomplete."


class HttpError(RecorderError):
    """A request that gets an error.

    Args:
        status: HTTP status.
        code: a word for programs.
        message: a sentence for people.
        detail: additional values.
        retry_after_secs: when to repeat the request.
    """

    def __init__(
        self, status: int, code: str, message: str, detail: Any = None, *, retry_after_secs: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_secs = retry_after_secs


def error_response(error: HttpError) -> Response:
    """Return the error as JSON, or as a page if a browser shows it to a person."""
    if wants_page(request):
        response = make_error_page(error.status, shortened(str(error)), root=request.root_path)
    else:
        body = {"error": {"code": error.code, "message": shortened(str(error)), "detail": error.detail}}
        response = Response(to_json(body) + "\n", status=error.status, content_type="application/json")
    response.vary.update(["Accept", "Sec-Fetch-Dest"])
    if error.retry_after_secs is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after_secs))
    return response


def add_error_handlers(app: Flask) -> None:
    """Answer every error in the same format."""

    @app.errorhandler(RecorderError)
    def answer_own_error(error: RecorderError) -> Response:
        return error_response(_as_http(error))

    @app.errorhandler(HTTPException)
    def answer_http_error(error: HTTPException) -> Response:
        code = (error.name or "error").lower().replace(" ", "_")
        message = f"{error.description} ({request.method} {request.path})"
        if isinstance(error, NotFound):
            message = _NO_SUCH_PAGE if wants_page(request) else f"{_NO_SUCH_ADDRESS} ({request.method} {request.path})"
        response = error_response(HttpError(error.code or 500, code, message))
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def unexpected(_error: Exception) -> Response:
        logger.exception("a request failed: %s %s", request.method, request.path)
        return error_response(HttpError(500, "internal", "the server failed to answer; see its log"))


def _as_http(error: RecorderError) -> HttpError:
    match error:
        case HttpError():
            return error
        case RecordingNotFoundError():
            return HttpError(404, "not_found", public_message(error))
        case QuotaError():
            if error.retry_after_secs is None:
                return HttpError(409, "conflict", public_message(error))
            return HttpError(429, "too_many", public_message(error), retry_after_secs=error.retry_after_secs)
        case UsageError():
            return HttpError(400, "bad_request", public_message(error))
        case EpisodeFileTooLargeError():
            return HttpError(413, "too_large", public_message(error))
        case CatalogError() | StreamError() | StorageUnavailableError() | BusyError():
            return HttpError(503, "unavailable", public_message(error))
        case EpisodeFileError() | StorageError():
            return HttpError(422, "unreadable", public_message(error))
        case _:
            logger.error("a request failed: %s %s: %s", request.method, request.path, error)
            return HttpError(500, "internal", public_message(error))
