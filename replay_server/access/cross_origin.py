"""Pages of other origins: which may use the server, as in the settings, and the headers (CORS) that let them."""

from __future__ import annotations

import re

from flask import Response, request
from werkzeug.datastructures import Headers

__all__ = ["Origins", "add_cross_origin", "preflight_response"]

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


_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:]+\]|[^\s/:@?#\[\]]+)(?::(\d{1,5}|\*))?")
_STANDARD_PORTS = {"http": "80", "https": "443"}


class Origins:
    """A set of origins.

    Args:
        text: origins separated by spaces, such as ``https://tools.example http://localhost:*``; ``*`` is any port.
    """

    def __init__(self, text: str) -> None:
        self._known = {found for each in text.split() if (found := _parts(each)) is not None}

    def __bool__(self) -> bool:
        return bool(self._known)

    def holds(self, origin: str) -> bool:
        """Return whether an ``Origin`` header matches; ``null`` never does."""
        parts = _parts(origin)
        return parts is not None and (parts in self._known or (*parts[:2], "*") in self._known)

    def has_host(self, name: str) -> bool:
        """Return whether one of them has this host name."""
        return any(host.strip("[]") == name.casefold() for _, host, _ in self._known)


def _parts(origin: str) -> tuple[str, str, str] | None:
    """Return scheme, host and port; None if it is not an origin."""
    found = _ORIGIN.fullmatch(origin.casefold())
    if found is None:
        return None
    scheme, host, port = found[1], found[2], found[3]
    return scheme, host, port or _STANDARD_PORTS.get(scheme, "")
