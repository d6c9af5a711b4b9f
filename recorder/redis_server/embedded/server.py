"""Starts, watches and stops an embedded server, which ends with its owner, and moves its data if its folder has moved."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recorder.errors import RecorderError, ServerStartError, StreamError
from recorder.redis_server.client import make_client, translate_errors
from recorder.redis_server.embedded.binary import find_server_binary
from recorder.redis_server.embedded.folder import ServerFolder, running_redis_url
from recorder.redis_server.embedded.process import ServerProcess, inode_of, start_process

__all__ = ["EmbeddedServer", "move_data", "use_redis"]

_log = logging.getLogger(__name__)

_CHECK_SECS = 1.0
_LOG_EVERY_CHECKS = 60
_TOUCH_EVERY_CHECKS = 3600


class EmbeddedServer:
    """A Redis or Valkey server as a child process; its data folder stays.

    It writes an append-only file, evicts nothing, and only this user on this machine can reach it. It stops at the end
    of the ``with`` block, and when its owner is killed (``recorder.child_process``). Ctrl-C reaches only the owner,
    which then stops the server.

    The owner checks every second that the server can be reached. If the server ended, or its socket or folder was moved
    or deleted, it is started again with its data, at the same address and path.

    Args:
        data_dir: folder of its data; created if missing.
        binary: the program; None finds one.
        start_deadline_secs: longest wait for it to load its data and answer.
    """

    def __init__(self, data_dir: Path | str, *, binary: Path | None = None, start_deadline_secs: float = 60.0) -> None:
        self._folder = ServerFolder(Path(data_dir))
        self._binary = binary
        self._start_deadline_secs = start_deadline_secs
        self._running: ServerProcess | None = None
        self._owner_pid = 0
        self._kind = ""
        self._version = ""
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def url(self) -> str:
        """URL of the server."""
        return self._started.address.url

    @property
    def pid(self) -> int:
        """Process id."""
        return self._started.process.pid

    @property
    def kind(self) -> str:
        """``redis`` or ``valkey``."""
        return self._kind

    @property
    def version(self) -> str:
        """Version, such as ``9.1.2``."""
        return self._version

    def start(self) -> EmbeddedServer:
        """Start the server and wait until it answers.

        Raises:
            ServerStartError: no program was found, another server uses the folder (the message has its URL), or the
                program ended at once (the message has its log).
        """
        self._binary = self._binary or find_server_binary()
        self._owner_pid = os.getpid()
        self._running = start_process(self._binary, self._folder, address=None, deadline_secs=self._start_deadline_secs)
        self._read_version()
        self._is_stopping.clear()
        self._watcher = threading.Thread(target=self._watch, name="redis-watcher", daemon=True)
        self._watcher.start()
        return self

    def stop(self) -> None:
        """Stop the server. A second call, or a call in a fork of the owner, does nothing."""
        if os.getpid() != self._owner_pid:
            return
        self._is_stopping.set()
        with self._lock:
            if self._running is not None:
                self._running.stop()
                self._running = None

    def __enter__(self) -> EmbeddedServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _started(self) -> ServerProcess:
        if self._running is None:
            raise ServerStartError(f"Redis is not started: {self._folder.path}")
        return self._running

    def _read_version(self) -> None:
        with make_client(self.url, purpose="worker") as client:
            information = client.info("server")
        self._kind = "valkey" if "valkey_version" in information else "redis"
        self._version = str(information[f"{self._kind}_version"])

    def _watch(self) -> None:
        n_checks, n_failed = 0, 0
        while not self._is_stopping.wait(_CHECK_SECS):
            n_checks += 1
            with self._lock:
                if self._running is None or self._is_stopping.is_set():
                    return
                problem = self._running.problem()
                if not problem:
                    n_failed = 0
                    if n_checks % _TOUCH_EVERY_CHECKS == 0:
                        self._running.touch()
                    continue
                try:
                    self._restart(self._running)
                    _log.error("the embedded Redis could not be reached (%s); it was restarted", problem)
                except (RecorderError, OSError) as error:
                    if n_failed % _LOG_EVERY_CHECKS == 0:
                        _log.error("the embedded Redis can't be reached (%s), will try again: %s", problem, error)
                    n_failed += 1

    def _restart(self, running: ServerProcess) -> None:
        """Stop the process, and start another with the same data, address and path."""
        has_moved = inode_of(self._folder.path) != running.folder_inode
        if has_moved and running.process.poll() is None:
            is_reachable = running.address.socket_path is None or inode_of(running.address.socket_path) == (
                running.socket_inode
            )
            if not is_reachable:
                _log.error("the data of Redis stays in its former folder, because its socket was deleted, too")
            elif not move_data(running.address.url, self._folder):
                raise StreamError(
                    "a folder with the data of another Redis has replaced this one's: stop this worker, and start one on "
                    f"each of the two folders: {self._folder.path}"
                )
        running.stop(by_command=False)
        assert self._binary is not None
        self._running = start_process(
            self._binary, self._folder, address=running.address, deadline_secs=self._start_deadline_secs
        )


@contextmanager
def use_redis(url: str | None, data_dir: Path | str) -> Iterator[str]:
    """The URL to use: the given one, else of the server on ``data_dir``, else of one started for this block."""
    found = url or running_redis_url(data_dir)
    server = EmbeddedServer(data_dir)
    if found is None:
        try:
            found = server.start().url
        except ServerStartError:
            found = running_redis_url(data_dir)  # another process was faster
            if found is None:
                raise
    try:
        yield found
    finally:
        server.stop()


_REWRITE_SECS = 60.0
_POLL_SECS = 0.02


def move_data(url: str, to: ServerFolder) -> bool:
    """Make the server at ``url`` write all of its data to another folder.

    Its files in the old folder are deleted: a server started there would record the same episodes again.

    Returns:
        False if the new folder already has a server's data, which must not be mixed with this server's.

    Raises:
        StreamError: the server can't be reached, or can't write to the folder.
    """
    if to.append_only.exists() or to.is_locked:
        return False
    try:
        to.create()
    except OSError as error:
        raise StreamError(f"the folder of Redis can't be created ({error.strerror}): {to.path}") from error
    with make_client(url, purpose="worker") as client, translate_errors(url):
        left = _folder_of(client)
        client.config_set("appendonly", "no")
        client.execute_command("CONFIG", "SET", "dir", os.fsencode(to.path))
        client.config_set("appendonly", "yes")
        _wait_until_rewritten(client)
    if left is not None and not _is_same(left, to.path):
        shutil.rmtree(left / to.append_only.name, ignore_errors=True)
        ServerFolder(left).forget_address()
    return True


def _folder_of(client: Any) -> Path | None:
    """The server's working folder; None if it was deleted."""
    found = client.config_get("dir").get("dir")
    return Path(found) if found else None


def _wait_until_rewritten(client: Any) -> None:
    deadline = time.monotonic() + _REWRITE_SECS
    while (state := client.info("persistence"))["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]:
        if time.monotonic() > deadline:
            raise StreamError(f"Redis did not rewrite its data within {_REWRITE_SECS:g} s")
        time.sleep(_POLL_SECS)
    if state["aof_last_bgrewrite_status"] != "ok":
        raise StreamError("Redis could not rewrite its data")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
