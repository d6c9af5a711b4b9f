"""Runs the application: gunicorn starts and supervises processes, and the front serves in each."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import quote

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from recorder.errors import ServerStartError, SettingsError
from recorder.settings import Settings
from replay_server.access.proxy import check_base_path
from replay_server.access.security import is_loopback
from replay_server.app import EXTENSION, create_app
from replay_server.front import Front, FrontLimits
from replay_server.memory import Trimmer
from replay_server.metrics import Metrics, MetricsFolder

__all__ = ["ReplayWorker", "bind", "link", "serve"]

logger = logging.getLogger(__name__)

GOODBYE = "the server is shutting down: connect again"

_BACKLOG = 1024
"""Size of the accept queue, for viewers that reconnect at once after a restart."""

_GRACEFUL_SECS = 5
_ALIVE_SECS = 1.0
"""Interval of a process's heartbeat to its parent."""

_SWITCH_SECS = 0.001
"""How long a thread keeps the interpreter while others wait. Short, because event loops wake up often for little
work."""

_OTHER_FILES = 512
"""Open files besides connections: recordings, the catalog, threads' wake-ups."""


class ReplayWorker(Worker):  # type: ignore[misc]
    """A gunicorn process that runs the front on an event loop in its main thread."""

    def init_process(self) -> None:
        """Create the loop first, because it handles the signals."""
        self._loop = asyncio.new_event_loop()
        self._is_ending = asyncio.Event()
        self._grace_secs = 0.0
        super().init_process()

    def init_signals(self) -> None:
        """Handle signals: SIGTERM answers pending requests and exits, SIGINT and SIGQUIT exit at once."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)
        self._loop.add_signal_handler(signal.SIGTERM, self._end, _GRACEFUL_SECS)
        for number in (signal.SIGINT, signal.SIGQUIT):
            self._loop.add_signal_handler(number, self._end, 0.0)

    def run(self) -> None:
        """Serve until a signal arrives or the parent is gone."""
        sys.setswitchinterval(_SWITCH_SECS)
        gc.collect()
        gc.freeze()  # what is loaded stays: to look through it again and again would stop the server for 70 ms each time
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        front = Front(
            self.wsgi,
            self._loop,
            n_threads=self.cfg.threads,
            limits=FrontLimits(),
            on_check=Trimmer().trim,
            path_of=self.wsgi.wsgi_app.path_of,
        )
        for listener in self.sockets:
            front.listen(listener.sock)
        while not self._is_ending.is_set() and self.ppid == os.getppid():
            self.notify()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_ending.wait(), _ALIVE_SECS)
        await front.close(self._grace_secs)

    def _end(self, grace_secs: float) -> None:
        self._grace_secs = grace_secs
        self._is_ending.set()


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free port.

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
    """Refuse to serve recordings to a network without a token.

    Raises:
        SettingsError: other machines reach the address and there is no token, or the base path is invalid.
    """
    server = settings.server
    check_base_path(server.base_path)
    if not is_loopback(server.host) and server.token is None:
        raise SettingsError(
            f"recording.server.host is {server.host}, which other machines can reach, and there is no token: set "
            "recording.server.token (HAMLET_RECORDER_SERVER__TOKEN), or keep 127.0.0.1 and use an SSH tunnel: "
            f"ssh -L {server.port or 8766}:127.0.0.1:{server.port or 8766} this-machine"
        )


def link(settings: Settings, port: int) -> str:
    """Return the address to open in a browser, with the token."""
    host = settings.server.host
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    token = settings.server.token
    return f"http://{shown}:{port}{settings.server.base_path.rstrip('/')}/" + (
        f"?token={quote(token.get_secret_value(), safe='')}" if token else ""
    )


def serve(settings: Settings, listener: socket.socket, *, on_ready: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        listener: from ``bind``; closed at the end.
        on_ready: called when the server accepts connections.
    """
    _allow_files(settings.server.max_connections + FrontLimits().max_connections + _OTHER_FILES)
    _Application(settings, listener, on_ready).run()


def _allow_files(n_files: int) -> None:
    """Raise the limit of open files, 1024 by default, as far as needed and allowed: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n_files if hard == resource.RLIM_INFINITY else min(n_files, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Application(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings, listener: socket.socket, on_ready: Callable[[], object]) -> None:
        self._settings = settings
        self._fd = listener.detach()  # gunicorn creates its socket from it, and closes that one
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
            "graceful_timeout": _GRACEFUL_SECS + 1,  # the processes' time, and a moment to close
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
        """Create the application of one process after the fork, because threads and connections do not survive one."""
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
