"""Headers (CORS) that let a page of another origin read an answer."""

from __future__ import annotations

from flask import Response, request
from werkzeug.datastructures import Headers

__all__ = ["add_cross_origin", "preflight_response"]

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = "Authorization, Content-Type, Accept, Range, If-None-Match, If-Range"
_ANSWER_HEADERS = (
    "Location, X-Created, ETag, Retry-After, Accept-Ranges, Content-Range, Content-Length, Content-Disposition"
)
_REMEMBERED_SECS = "600"


def preflight_response() -> Response:
    """Answer a browser's preflight request, which has neither cookie nor token."""
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = _METHODS
    response.headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
    response.headers["Access-Control-Max-Age"] = _REMEMBERED_SECS
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        response.headers["Access-Control-Allow-Private-Network"] = "true"
    return response


def add_cross_origin(headers: Headers, origin: str) -> None:
    """Let pages of an allowed origin read the answer, and send the browser's cookie.

    Args:
        origin: as the browser sent it.
    """
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Allow-Credentials"] = "true"
    headers["Access-Control-Expose-Headers"] = _ANSWER_HEADERS
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
