"""Starting, minding and stopping a server of one's own, which never outlives its owner."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from recorder.errors import RecorderError, ServerStartError, StreamError
from recorder.redis_server.client import make_client
from recorder.redis_server.embedded.binary import find_server_binary
from recorder.redis_server.embedded.carrying_over import carry_over
from recorder.redis_server.embedded.folder import ServerFolder, running_server_url
from recorder.redis_server.embedded.process import ServerProcess, begin, inode_of

__all__ = ["EmbeddedServer", "server_url"]

_log = logging.getLogger(__name__)

_LOOK_SECS = 1.0
_LOG_EVERY_LOOKS = 60
_TOUCH_EVERY_LOOKS = 3600


class EmbeddedServer:
    """A Redis or Valkey server as a child process, with its data in a folder that survives it.

    Append-only file on, nothing evicted, reachable from this machine and by this user only. Leaving the ``with`` block
    stops it; when the owner is killed, the server ends by itself (``recorder.child_process``). It has a session of its own, so
    that Ctrl-C reaches the owner alone, which then stops it in order.

    The owner looks each second whether it can still be reached: when it has ended, when its socket was deleted (as by what
    cleans ``/tmp``), or its folder moved or deleted, it begins anew with its data, at the same address and the same path.

    Args:
        data_dir: folder of its data, made when missing; a restart on it finds its data.
        binary: the program; None looks for one.
        start_deadline_secs: how long it may take to load its data and answer.
    """

    def __init__(self, data_dir: Path | str, *, binary: Path | None = None, start_deadline_secs: float = 60.0) -> None:
        self._folder = ServerFolder(Path(data_dir))
        self._binary = binary
        self._start_deadline_secs = start_deadline_secs
        self._running: ServerProcess | None = None
        self._owner_pid = 0
        self._kind = ""
        self._version = ""
        self._turn = threading.Lock()
        self._is_over = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._started.address.url

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._started.process.pid

    @property
    def kind(self) -> str:
        """``redis`` or ``valkey``."""
        return self._kind

    @property
    def version(self) -> str:
        """Its own version, as in ``9.1.2``."""
        return self._version

    def start(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            ServerStartError: no program, the folder is another server's (named with its URL), or it died at its start
                (with the end of its log).
        """
        self._binary = self._binary or find_server_binary()
        self._owner_pid = os.getpid()
        self._running = begin(self._binary, self._folder, address=None, deadline_secs=self._start_deadline_secs)
        self._ask_what_it_is()
        self._is_over.clear()
        self._watcher = threading.Thread(target=self._watch, name="watcher of the server", daemon=True)
        self._watcher.start()
        return self

    def stop(self) -> None:
        """Stop it. Nothing happens twice, or in a fork of the owner."""
        if os.getpid() != self._owner_pid:
            return
        self._is_over.set()
        with self._turn:
            if self._running is not None:
                self._running.stop()
                self._running = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _started(self) -> ServerProcess:
        if self._running is None:
            raise ServerStartError(f"the server is not started: {self._folder.path}")
        return self._running

    def _ask_what_it_is(self) -> None:
        client: Any = make_client(self.url, purpose="worker")
        try:
            information = client.info("server")
        finally:
            client.close()
        self._kind = "valkey" if "valkey_version" in information else "redis"
        self._version = str(information[f"{self._kind}_version"])

    def _watch(self) -> None:
        n_looks, n_failed = 0, 0
        while not self._is_over.wait(_LOOK_SECS):
            n_looks += 1
            with self._turn:
                if self._running is None or self._is_over.is_set():
                    return
                trouble = self._running.trouble()
                if not trouble:
                    n_failed = 0
                    if n_looks % _TOUCH_EVERY_LOOKS == 0:
                        self._running.touch()
                    continue
                try:
                    self._begin_anew(self._running)
                    _log.error("the embedded server could not be reached (%s); it has begun anew", trouble)
                except (RecorderError, OSError) as error:
                    if n_failed % _LOG_EVERY_LOOKS == 0:
                        _log.error("the embedded server can't be reached (%s), will try again: %s", trouble, error)
                    n_failed += 1

    def _begin_anew(self, running: ServerProcess) -> None:
        """End the process, and start another on the same data, at the same address and path."""
        has_moved = inode_of(self._folder.path) != running.folder_inode
        if has_moved and running.process.poll() is None:
            is_reachable = running.address.socket_path is None or inode_of(running.address.socket_path) == (
                running.socket_inode
            )
            if not is_reachable:
                _log.error("what the server held stays in its former folder: its socket was deleted as well")
            elif not carry_over(running.address.url, self._folder):
                raise StreamError(
                    f"another folder with a server's data has taken the place of this server's folder: end this worker, and "
                    f"start one on each of the two: {self._folder.path}"
                )
        running.stop(by_command=False)
        assert self._binary is not None
        self._running = begin(
            self._binary, self._folder, address=running.address, deadline_secs=self._start_deadline_secs
        )


@contextmanager
def server_url(url: str | None, data_dir: Path | str) -> Iterator[str]:
    """The URL to use: the one given, else of the server running on ``data_dir``, else of one started for this block."""
    found = url or running_server_url(data_dir)
    server = EmbeddedServer(data_dir)
    if found is None:
        try:
            found = server.start().url
        except ServerStartError:
            found = running_server_url(data_dir)  # another process was quicker
            if found is None:
                raise
    try:
        yield found
    finally:
        server.stop()
