"""What happens to every request: who may is checked before, headers that protect the page and the counts are added after."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from flask import Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers

from replay_server.rest.errors import HttpError, error_response
from replay_server.security import COOKIE_NAME, content_security_policy
from replay_server.services import Services

__all__ = ["SOCKET_PATHS", "add_admission"]

SOCKET_PATHS = ("/ws", "/ws/training")
_OPEN_PATHS = frozenset(["/healthz"])
"""A load balancer has no token."""

_COOKIE_SECS = 30 * 24 * 3600

_PATH_LETTERS = "/%:@!$&'()*+,;=~"
"""May stand in a path as they are; the percent sign because the path is encoded already."""


def add_admission(app: Flask, services: Services) -> None:
    """Put the gate in front of the application."""
    gate, metrics, clock = services.gate, services.metrics, services.clock

    @app.before_request
    def admit() -> ResponseReturnValue | None:
        g.started_at = clock()
        is_socket = request.path in SOCKET_PATHS
        problem = gate.host_problem(request.host)
        if problem is None and (is_socket or gate.changes_something(request.method)):
            problem = gate.origin_problem(request.headers, host=request.host)
        if problem is not None:
            metrics.refused.labels(why="origin").inc()
            return error_response(HttpError(403, "forbidden", problem))
        given = request.args.get("token")
        if given is not None and gate.needs_token and request.method == "GET" and not is_socket and gate.knows(given):
            return _exchange(gate.cookie_value())
        cookie = request.cookies.get(COOKIE_NAME)
        if request.path in _OPEN_PATHS or gate.is_admitted(
            cookie=cookie, authorization=request.headers.get("Authorization")
        ):
            return None
        metrics.refused.labels(why="token").inc()
        wrong = "this is not the token" if given is not None else "a token is needed"
        return error_response(
            HttpError(
                401, "token_needed", f"{wrong}: open the link that the server printed, or send Authorization: Bearer"
            )
        )

    @app.after_request
    def protect_and_count(response: Response) -> Response:
        endpoint = request.endpoint or "unknown"
        metrics.requests.labels(endpoint=endpoint, status=response.status_code).inc()
        metrics.request_secs.labels(endpoint=endpoint).observe(clock() - g.started_at)
        metrics.refresh()
        _protect(response.headers)
        return response


def _exchange(cookie: str) -> Response:
    """The token goes out of the address, into a cookie that no script and no other site can use."""
    query = urlencode([(key, value) for key, value in request.args.items(multi=True) if key != "token"])
    # Two slashes at the start would be taken for another host's name, a backslash for a slash.
    path = "/" + quote(_path_as_sent(), safe=_PATH_LETTERS).lstrip("/")
    response = redirect(f"{path}?{query}" if query else path, 303)
    response.set_cookie(
        COOKIE_NAME,
        cookie,
        max_age=_COOKIE_SECS,
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
        path="/",
    )
    response.headers["Cache-Control"] = "no-store"
    assert isinstance(response, Response)
    return response


def _path_as_sent() -> str:
    """The path before it was decoded: a run's name may hold what would end a path, or divide it."""
    target: str = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or ""
    return target.partition("?")[0] if target.startswith("/") else quote(request.path)


def _protect(headers: Headers) -> None:
    headers.setdefault("Content-Security-Policy", content_security_policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
