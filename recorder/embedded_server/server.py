"""Starting and stopping a server of one's own, which never outlives its owner."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from recorder.child_process import spawn_tethered
from recorder.embedded_server.address import Address, choose_address, configuration
from recorder.embedded_server.binary import find_server_binary
from recorder.embedded_server.folder import ServerFolder, running_server_url
from recorder.errors import ServerStartError, StreamError
from recorder.redis_client import answers, make_client, redact, translate_errors

__all__ = ["EmbeddedServer", "server_url"]

_LOCK_DEADLINE_SECS = 60.0
"""How long another server on the folder may take to load its data and answer, or to write its last and end."""

_STOP_SECS = 10.0
"""How long each way of stopping is given before the next, harder one."""

_POLL_SECS = 0.01


class EmbeddedServer:
    """A Redis or Valkey server as a child process, with its data in a folder that survives it.

    Append-only file on, nothing evicted, reachable from this machine and by this user only. Leaving the ``with`` block
    stops it; when the owner is killed, the server ends by itself (``recorder.child_process``). It has a session of its own, so
    that Ctrl-C reaches the owner alone, which then stops it in order.

    Args:
        data_dir: folder of its data, made when missing; a restart on it finds its data.
        binary: the program; None looks for one.
        start_deadline_secs: how long it may take to load its data and answer.
    """

    def __init__(self, data_dir: Path | str, *, binary: Path | None = None, start_deadline_secs: float = 60.0) -> None:
        self._folder = ServerFolder(Path(data_dir))
        self._binary = binary
        self._start_deadline_secs = start_deadline_secs
        self._process: subprocess.Popen[bytes] | None = None
        self._address: Address | None = None
        self._owner_pid = 0
        self._kind = ""
        self._version = ""

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._address is None:
            raise ServerStartError(f"the server is not started: {self._folder.path}")
        return self._address.url

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._process is None:
            raise ServerStartError(f"the server is not started: {self._folder.path}")
        return self._process.pid

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
        binary = self._binary or find_server_binary()
        try:
            self._folder.create()
        except OSError as error:
            raise ServerStartError(f"the server's folder can't be made: {error}") from error
        lock = self._lock()
        try:
            address = choose_address(self._folder.path, before=self._folder.read_address())
            self._folder.write_private(
                self._folder.configuration, configuration(address, self._folder.path, self._folder.log)
            )
            self._folder.log.unlink(missing_ok=True)
            self._address, self._owner_pid = address, os.getpid()
            self._process = _spawn(binary, self._folder, lock)
        finally:
            os.close(lock)  # the server's copy of it lives on
        try:
            self._wait_until_it_answers(self._process, address)
            self._folder.write_address(address.url)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop it: by SHUTDOWN, else SIGTERM, else SIGKILL. Nothing happens twice, or in a fork of the owner."""
        process, address = self._process, self._address
        if process is None or address is None or os.getpid() != self._owner_pid:
            return
        if answers(address.url):
            _shut_down(address.url)
            _wait(process)
        for ask in (process.terminate, process.kill):
            if process.poll() is None:
                ask()
                _wait(process)
        self._process = self._address = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _lock(self) -> int:
        deadline = time.monotonic() + _LOCK_DEADLINE_SECS
        while (lock := self._folder.try_lock()) is None:
            url = running_server_url(self._folder.path)
            if url is not None or time.monotonic() > deadline:
                raise ServerStartError(
                    f"a server is already running on this folder, at {redact(url or 'an unknown address')}: use it "
                    f"(--redis-url) or choose another folder: {self._folder.path}"
                )
            time.sleep(_POLL_SECS)
        return lock

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], address: Address) -> None:
        deadline = time.monotonic() + self._start_deadline_secs
        while not answers(address.url):
            if process.poll() is not None:
                raise ServerStartError(f"the server ended at its start:\n{self._folder.log_tail()}\n{self._folder.log}")
            if time.monotonic() > deadline:
                raise ServerStartError(
                    f"the server did not answer within {self._start_deadline_secs:g} s:\n{self._folder.log_tail()}\n"
                    f"{self._folder.log}"
                )
            time.sleep(_POLL_SECS)
        client = make_client(address.url, purpose="worker")
        try:
            information = client.info("server")
        finally:
            client.close()
        self._kind = "valkey" if "valkey_version" in information else "redis"
        self._version = str(information[f"{self._kind}_version"])


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


def _spawn(binary: Path, folder: ServerFolder, lock: int) -> subprocess.Popen[bytes]:
    try:
        return spawn_tethered([str(binary), str(folder.configuration)], log=folder.log, pass_fds=(lock,))
    except OSError as error:
        raise ServerStartError(f"the server could not be started: {error}: {binary}") from error


def _wait(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECS)


def _shut_down(url: str) -> None:
    """Ask for an orderly end; the append-only file is written out whatever SHUTDOWN's word for snapshots is."""
    client = make_client(url, purpose="worker", socket_timeout_secs=_STOP_SECS)
    with contextlib.suppress(StreamError), translate_errors(url):
        client.execute_command("SHUTDOWN", "NOSAVE")
    client.close()
