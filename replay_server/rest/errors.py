"""Errors of REST: the status code for each error, one format for programs, and a page for people."""

from __future__ import annotations

import base64
import hashlib
import logging
import math
from html import escape
from typing import Any

from flask import Flask, Request, Response, request
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
from replay_server.access.security import content_security_policy
from replay_server.memory import BusyError

__all__ = ["HttpError", "add_error_handlers", "bad_request", "error_response", "make_error_page", "wants_page"]

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


def bad_request(message: str) -> HttpError:
    """Return the error of a request that is wrong."""
    return HttpError(400, "bad_request", message)


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
            return bad_request(public_message(error))
        case EpisodeFileTooLargeError():
            return HttpError(413, "too_large", public_message(error))
        case CatalogError() | StreamError() | StorageUnavailableError() | BusyError():
            return HttpError(503, "unavailable", public_message(error))
        case EpisodeFileError() | StorageError():
            return HttpError(422, "unreadable", public_message(error))
        case _:
            logger.error("a request failed: %s %s: %s", request.method, request.path, error)
            return HttpError(500, "internal", public_message(error))


_STYLE = """\
:root { color-scheme: dark light; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif; }
main { width: min(28rem, 100vw - 3rem); }
h1 { font-size: 1.25rem; }
form { display: flex; gap: .5rem; }
input { flex: 1; min-width: 0; }
input, button, .button { font: inherit; padding: .4rem .7rem; }
.button { display: inline-block; border: 1px solid; border-radius: .5rem; color: inherit; text-decoration: none; }
"""
_STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"

_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{message}</p>
{form}
</main>
</body>
</html>
"""
_FORM = """\
<form method="post">
<input type="password" name="token" aria-label="Token" placeholder="Token" autocomplete="current-password" required autofocus>
<button type="submit">Open</button>
</form>
"""
_WAY_ON = """\
<p><a class="button" href="{root}/">All episodes</a></p>
"""
_TITLES = {
    401: "This replay server requires a token",
    403: "Refused",
    404: "Page not found",
    413: "Too large",
    422: "This recording is damaged",
    429: "Too many requests",
    503: "Not available now",
}


def wants_page(request: Request) -> bool:
    """Return whether a browser shows the answer to a person; scripts and programs get JSON."""
    destination = request.headers.get("Sec-Fetch-Dest", "document")
    return destination == "document" and "text/html" in request.headers.get("Accept", "")


def make_error_page(status: int, message: str, *, root: str = "") -> Response:
    """Return the page.

    Args:
        root: path under which a proxy publishes the server.
    """
    page = _DOCUMENT.format(
        title=_TITLES.get(status, "The request failed"),
        style=_STYLE,
        message=escape(f"{message[:1].upper()}{message[1:]}"),
        form=_FORM if status == 401 else _WAY_ON.format(root=escape(root.rstrip("/"))),
    )
    response = Response(page, status=status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = content_security_policy(style=_STYLE_SOURCE, form_action="'self'")
    # With no-referrer, browsers send the form with the origin "null".
    response.headers["Referrer-Policy"] = "same-origin"
    return response
