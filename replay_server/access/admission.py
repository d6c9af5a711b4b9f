"""Checks every request before it is handled, and adds protective headers and metrics to the answer."""

from __future__ import annotations

import logging
from threading import Lock
from urllib.parse import quote, urlencode

from flask import Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers

from replay_server.access.cross_origin import add_cross_origin, preflight_response
from replay_server.access.proxy import RAW_PATH
from replay_server.access.security import COOKIE_PREFIX, Gate, content_security_policy
from replay_server.rest.errors import HttpError, error_response
from replay_server.services import Services

__all__ = ["SOCKET_PATHS", "add_admission", "path_as_sent"]

_log = logging.getLogger(__name__)

SOCKET_PATHS = ("/ws", "/ws/training")
_OPEN_PATHS = frozenset(["/healthz", "/readyz"])
"""A load balancer has no token, so these answers contain no data."""

_COOKIE_SECS = 30 * 24 * 3600
_MOST_COOKIES = 20
"""Cookies of servers on other ports of this host. A browser sends them all, and the size of a request's head is
limited."""

_MOST_LOGGED = 100
"""Refusals to log, once per problem, so that a page that retries does not fill the disk."""

_PATH_LETTERS = "/%:@!$&'()*+,;=~"
"""Characters that may stay in a path; the percent sign because the path is already encoded."""


def add_admission(app: Flask, services: Services) -> None:
    """Install the checks in the application."""
    gate, metrics, clock, quotas = services.gate, services.metrics, services.clock, services.quotas
    log_once = _OnceEach()

    @app.before_request
    def admit() -> ResponseReturnValue | None:
        g.started_at = clock()
        is_socket = request.path in SOCKET_PATHS
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        is_change = gate.changes_something(request.method)
        problem = gate.host_problem(request.host)
        if problem is None and (is_socket or is_change or "Origin" in request.headers):
            problem = gate.origin_problem(request.headers, scheme=request.scheme, host=request.host)
            if problem is not None and not (is_socket or is_change or is_preflight):
                log_once(problem)  # the request is answered, but the browser hides the answer from that page
                problem = None
        if problem is not None:
            metrics.refused.labels(why="origin").inc()
            log_once(problem)
            return error_response(HttpError(403, "forbidden", problem))
        if is_preflight and gate.is_allowed_origin(request.headers.get("Origin")):
            return preflight_response()
        if is_change and (wait_secs := quotas.wait_secs(request)) > 0:
            metrics.refused.labels(why="rate").inc()
            return error_response(
                HttpError(
                    429,
                    "too_fast",
                    "too many changes in a short time: see recording.server.quotas",
                    retry_after_secs=wait_secs,
                )
            )
        given = _given_token(gate)
        if given is not None and gate.knows(given) and not is_socket:
            return _exchange(gate)
        if request.path in _OPEN_PATHS or gate.is_admitted(
            cookies=request.cookies.getlist(gate.cookie_name(request.host)),
            authorization=request.headers.get("Authorization"),
        ):
            return None
        if is_socket and given is not None and gate.knows(given):
            return None  # another site's page has no cookie, and cannot set headers on a WebSocket
        metrics.refused.labels(why="token").inc()
        wrong = "wrong token" if given is not None else "a token is required"
        return error_response(
            HttpError(
                401,
                "token_needed",
                f"{wrong}: open the link that the server printed, or type its token; programs send Authorization: Bearer",
            )
        )

    @app.after_request
    def protect_and_count(response: Response) -> Response:
        endpoint = request.endpoint or "unknown"
        metrics.requests.labels(endpoint=endpoint, status=response.status_code).inc()
        metrics.request_secs.labels(endpoint=endpoint).observe(clock() - g.started_at)
        metrics.refresh()
        if gate.allows_other_origins:
            response.vary.add("Origin")
        if gate.is_allowed_origin(origin := request.headers.get("Origin")):
            add_cross_origin(response.headers, str(origin))
        _protect(response.headers)
        return response


class _OnceEach:
    """Logs the first problems, once each."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._logged: set[str] = set()

    def __call__(self, problem: str) -> None:
        with self._lock:
            if problem in self._logged or len(self._logged) >= _MOST_LOGGED:
                return
            self._logged.add(problem)
        _log.warning("refused: %s", problem)


def _given_token(gate: Gate) -> str | None:
    """Return the token in the address, or in the form of the error page."""
    if not gate.needs_token:
        return None
    if request.method == "POST" and request.mimetype == "application/x-www-form-urlencoded":
        typed = request.form.get("token")
        return None if typed is None else typed.strip()
    return request.args.get("token") if request.method == "GET" else None


def _exchange(gate: Gate) -> Response:
    """Move the token from the address to a cookie that scripts cannot read and other sites' requests do not send.

    With ``Lax`` it is sent when a link on another site is followed. Such a request changes nothing, and the other site
    cannot read the answer.
    """
    query = urlencode([(key, value) for key, value in request.args.items(multi=True) if key != "token"])
    # Relative, so that it stays below a prefix that a proxy takes away. Browsers read a backslash as a slash.
    last = quote(path_as_sent().rpartition("/")[2], safe=_PATH_LETTERS)
    root = quote(request.script_root, safe=_PATH_LETTERS)
    response = redirect(f"./{last}?{query}" if query else f"./{last}", 303)
    name = gate.cookie_name(request.host)
    # Browsers send the oldest first.
    others = [each for each in request.cookies if each.startswith(COOKIE_PREFIX) and each != name]
    for forgotten in others[: max(0, len(others) - _MOST_COOKIES)]:
        response.delete_cookie(forgotten, path=f"{root}/")
    response.set_cookie(
        name,
        gate.cookie_value(),
        max_age=_COOKIE_SECS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
        path=f"{root}/",
    )
    response.headers["Cache-Control"] = "no-store"
    assert isinstance(response, Response)
    return response


def path_as_sent() -> str:
    """Return the path before decoding, because a run's name may contain "?", "#" or "/"."""
    return request.environ.get(RAW_PATH) or quote(request.path)


def _protect(headers: Headers) -> None:
    headers.setdefault("Content-Security-Policy", content_security_policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
