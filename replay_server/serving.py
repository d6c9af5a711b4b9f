"""Running the application: gunicorn with threads, whose worker lets go of sockets that the hub has taken over."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from urllib.parse import quote

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import TConn, ThreadWorker

from recorder.errors import ServerStartError, SettingsError
from recorder.settings import Settings
from replay_server.app import EXTENSION, create_app
from replay_server.metrics import Metrics, MetricsFolder
from replay_server.proxy import check_base_path
from replay_server.security import is_loopback

__all__ = ["ReplayWorker", "bind", "link", "serve"]

logger = logging.getLogger(__name__)

GOODBYE = "the server is shutting down: connect again"

_BACKLOG = 1024
"""Viewers that reconnect all at once after a restart find a place in the queue."""

_GRACEFUL_SECS = 5
_KEEPALIVE_SECS = 15
_HTTP_CONNECTIONS = 512
"""Plain connections that wait for their next request; viewers don't count."""


class ReplayWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker, which does not close a connection whose socket is no longer its own."""

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Forget a connection that was handed over; treat all others as ever."""
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ServerStartError: the address can't be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ServerStartError(
            f"can't listen on port {port} of {host} ({error.strerror}): choose another with --port, or 0 for a free one"
        ) from error
    return listener


def check_bind(settings: Settings) -> None:
    """Refuse to show recordings to a whole network by accident.

    Raises:
        SettingsError: the address is reached from outside and there is no token, or the base path can't be.
    """
    server = settings.server
    check_base_path(server.base_path)
    if not is_loopback(server.host) and server.token is None:
        raise SettingsError(
            f"recording.server.host is {server.host}, which other machines reach, and there is no token: set "
            "recording.server.token (HAMLET_RECORDER_SERVER__TOKEN), or keep 127.0.0.1 and use an SSH tunnel: "
            f"ssh -L {server.port or 8766}:127.0.0.1:{server.port or 8766} this-machine"
        )


def link(settings: Settings, port: int) -> str:
    """The address to open in a browser, token included."""
    host = settings.server.host
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    token = settings.server.token
    return f"http://{shown}:{port}{settings.server.base_path.rstrip('/')}/" + (
        f"?token={quote(token.get_secret_value(), safe='')}" if token else ""
    )


def serve(settings: Settings, listener: socket.socket, *, on_ready: Callable[[], object]) -> None:
    """Serve until a signal ends it (SIGTERM, SIGINT).

    Args:
        listener: from ``bind``; taken over.
        on_ready: called once the address is served.
    """
    _Application(settings, listener, on_ready).run()


class _Application(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings, listener: socket.socket, on_ready: Callable[[], object]) -> None:
        self._settings = settings
        self._fd = listener.detach()  # gunicorn makes a socket of its own of it, and closes that
        self._on_ready = on_ready
        self._app: Flask | None = None
        self._metrics_folder = MetricsFolder() if settings.server.processes > 1 else None
        super().__init__()

    def load_config(self) -> None:
        server = self._settings.server
        options = {
            "bind": f"fd://{self._fd}",
            "worker_class": ReplayWorker,
            "workers": server.processes,
            "threads": server.threads,
            "worker_connections": _HTTP_CONNECTIONS,
            "keepalive": _KEEPALIVE_SECS,
            "graceful_timeout": _GRACEFUL_SECS,
            "backlog": _BACKLOG,
            "loglevel": "warning",
            "control_socket_disable": True,
            "when_ready": lambda _arbiter: self._on_ready(),
            "worker_exit": lambda _arbiter, _worker: self._close(),
            "child_exit": lambda _arbiter, worker: self._forget(worker.pid),
            "on_exit": lambda _arbiter: self._remove_folder(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application of one process, made after the fork: threads and connections don't cross it."""
        self._app = create_app(self._settings, metrics=Metrics(self._metrics_folder))
        return self._app

    def _close(self) -> None:
        if self._app is not None:
            self._app.extensions[EXTENSION].close(GOODBYE)

    def _forget(self, pid: int) -> None:
        if self._metrics_folder is not None:
            self._metrics_folder.forget(pid)

    def _remove_folder(self) -> None:
        if self._metrics_folder is not None:
            self._metrics_folder.remove()
