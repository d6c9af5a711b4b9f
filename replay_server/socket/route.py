"""The WebSocket's routes: Flask checks and upgrades, then passes the socket to the hub."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from flask_sock import Sock
from simple_websocket import Server

from replay_server.access.admission import SOCKET_PATHS
from replay_server.rest.errors import HttpError, bad_request, error_response
from replay_server.services import Services

__all__ = ["add_socket_route"]


class _NoThread:
    """Replaces flask-sock's reading thread per connection, because the hub reads."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        del target

    def start(self) -> None:
        """Do nothing."""


def add_socket_route(app: Flask, services: Services) -> None:
    """Serve ``/ws`` and ``/ws/training``.

    The front passes a handle of the socket that the hub may keep; other servers keep a thread per viewer.
    """
    hub = services.hub
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": _NoThread}
    sock = Sock(app)

    @app.before_request
    def refuse_or_prepare() -> ResponseReturnValue | None:
        if request.path not in SOCKET_PATHS:
            return None
        if request.headers.get("Upgrade", "").casefold() != "websocket":
            return error_response(HttpError(426, "upgrade_needed", "this is a WebSocket: connect with ws:// or wss://"))
        if request.headers.get("Sec-WebSocket-Version") != "13" or "Sec-WebSocket-Key" not in request.headers:
            return error_response(bad_request("expected a WebSocket handshake of version 13 with a key"))
        if not hub.reserve():
            services.metrics.refused.labels(why="connections").inc()
            limit = hub.limits.max_connections
            return error_response(
                HttpError(503, "too_many", f"all {limit} places for viewers are taken: try again later")
            )
        g.has_place = True
        # Chunks are compressed already, and an uncompressed frame can serve several viewers.
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return None

    @app.teardown_request
    def give_back(_error: BaseException | None) -> None:
        if g.get("has_place", False):  # the upgrade failed
            hub.release()

    def hand_over(ws: Server) -> None:
        g.has_place = False
        ws.connected = False  # for flask-sock, which would close the socket when this function returns
        if ws.mode == "gunicorn":
            hub.adopt(socket.socket(fileno=ws.sock.detach()), ws.ws)
        else:
            gone = threading.Event()
            hub.adopt(ws.sock.dup(), ws.ws, on_gone=gone.set)
            gone.wait()

    for path in SOCKET_PATHS:
        sock.route(path, endpoint=f"socket{path.replace('/', '_')}")(hand_over)
