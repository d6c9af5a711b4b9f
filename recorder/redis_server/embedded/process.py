"""One life of the server's process: from taking the folder to the first answer, and to its end."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from recorder.child_process import spawn_tethered
from recorder.errors import ServerStartError, StreamError
from recorder.redis_server.client import answers, make_client, redact, server_id_at, translate_errors
from recorder.redis_server.embedded.address import Address, choose_address, configuration, directives, is_private
from recorder.redis_server.embedded.confirmed import confirm_settings
from recorder.redis_server.embedded.folder import ServerFolder, look_at_folder

__all__ = ["ServerProcess", "begin", "inode_of"]

_LOCK_DEADLINE_SECS = 60.0
"""How long another server on the folder may take to load its data and answer, or to write its last and end."""

_STOP_SECS = 10.0
"""How long each way of stopping is given before the next, harder one."""

_VERSION_SECS = 2.0
_POLL_SECS = 0.01


@dataclass(frozen=True)
class ServerProcess:
    """A server that has answered, with the files that it can be reached and kept by.

    Args:
        folder_inode, socket_inode: what the paths led to when it started; ``socket_inode`` is None on a port.
    """

    process: subprocess.Popen[bytes]
    address: Address
    folder: ServerFolder
    folder_inode: int
    socket_inode: int | None

    def trouble(self) -> str:
        """Why it can't be reached or found any more; empty when it can."""
        status = self.process.poll()
        if status is not None:
            return f"it has ended with status {status}"
        if inode_of(self.folder.path) != self.folder_inode:
            return f"its folder was moved or deleted: {self.folder.path}"
        socket_path = self.address.socket_path
        if socket_path is not None and inode_of(socket_path) != self.socket_inode:
            return f"its socket was deleted: {socket_path}"
        return ""

    def touch(self) -> None:
        """Make the socket look used: what cleans folders for temporary files goes by its age."""
        if self.address.socket_path is not None:
            with contextlib.suppress(OSError):  # the next look finds out what is wrong
                os.utime(self.address.socket_path)

    def stop(self, *, by_command: bool = True) -> None:
        """Stop it: by SHUTDOWN, else SIGTERM, else SIGKILL.

        Args:
            by_command: False where who answers at its address may be another.
        """
        if by_command and answers(self.address.url):
            _shut_down(self.address.url)
            _wait(self.process)
        for ask in (self.process.terminate, self.process.kill):
            if self.process.poll() is None:
                ask()
                _wait(self.process)


def inode_of(path: Path) -> int | None:
    """None when there is nothing."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def begin(binary: Path, folder: ServerFolder, *, address: Address | None, deadline_secs: float) -> ServerProcess:
    """Start the program on a folder, at an address or at one that it chooses, and wait until it answers as it should.

    Raises:
        ServerStartError: the folder is another server's (named with its URL), or it died at its start (with the end of
            its log), or did not take its settings.
    """
    try:
        folder.create()
        lock = _lock(folder)
    except OSError as error:
        raise ServerStartError(f"the server's folder can't be used: {error}") from error
    try:
        if address is None:
            before = folder.read_address()
            address = choose_address(before=None if before is None else before[0])
        elif address.socket_path is not None and not is_private(address.socket_path.parent):
            raise ServerStartError(f"the folder of its socket can't be made for this user alone: {address.url}")
        settings = directives(address, folder.path, folder.log)
        if _version(binary) >= (7,):
            settings["enable-protected-configs"] = b"local"  # or it could not follow its folder (carrying_over.py)
        folder.write_address(address.url, None)
        folder.write_private(folder.configuration, configuration(settings))
        folder.log.unlink(missing_ok=True)
        process = _spawn(binary, folder, address, lock)
    except OSError as error:
        raise ServerStartError(f"the server could not be started: {error}: {binary}") from error
    finally:
        os.close(lock)  # the server's copy of it lives on
    socket_path = address.socket_path
    try:
        _wait_until_it_answers(process, address, folder, deadline_secs)
        confirm_settings(address.url, settings)
        server_id = server_id_at(address.url)
        if server_id is None:
            raise ServerStartError(f"the server answered once and not again:\n{folder.log_tail()}\n{folder.log}")
        folder.write_address(address.url, server_id)
        started = ServerProcess(
            process, address, folder, folder.path.stat().st_ino, None if socket_path is None else inode_of(socket_path)
        )
    except BaseException:
        ServerProcess(process, address, folder, 0, None).stop()
        raise
    return started


def _spawn(binary: Path, folder: ServerFolder, address: Address, lock: int) -> subprocess.Popen[bytes]:
    """The settings go in by standard input: given a file, servers read its path as a pattern, and where that matches nothing
    start with their defaults, for everybody. Where it listens stands on the command line as well."""
    command = [str(binary), "-", "--bind", "127.0.0.1", "--port", str(address.port)]
    with folder.configuration.open("rb") as text:
        return spawn_tethered(command, log=folder.log, pass_fds=(lock,), stdin=text.fileno())


def _lock(folder: ServerFolder) -> int:
    deadline = time.monotonic() + _LOCK_DEADLINE_SECS
    while (lock := folder.try_lock()) is None:
        url = look_at_folder(folder.path).url
        if url is not None:
            raise ServerStartError(
                f"a server is already running on this folder, at {redact(url)}: use it (--redis-url) or choose another "
                f"folder: {folder.path}"
            )
        if time.monotonic() > deadline:
            raise ServerStartError(
                "a server runs on this folder and can't be reached: its socket may be gone, and the process that started "
                "it did not notice. End that process (a worker, most often), which ends the server and keeps its data, "
                f"and try again: {folder.path}"
            )
        time.sleep(_POLL_SECS)
    return lock


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], address: Address, folder: ServerFolder, deadline_secs: float
) -> None:
    deadline = time.monotonic() + deadline_secs
    while not answers(address.url):
        if process.poll() is not None:
            raise ServerStartError(f"the server ended at its start:\n{folder.log_tail()}\n{folder.log}")
        if time.monotonic() > deadline:
            raise ServerStartError(
                f"the server did not answer within {deadline_secs:g} s:\n{folder.log_tail()}\n{folder.log}"
            )
        time.sleep(_POLL_SECS)


def _version(binary: Path) -> tuple[int, ...]:
    """As in (7, 0, 15); empty when the program doesn't say."""
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=_VERSION_SECS, check=False
        )
    except subprocess.TimeoutExpired:
        return ()
    found = re.search(rb"\bv=(\d+(?:\.\d+)*)", said.stdout)
    return tuple(map(int, found[1].split(b"."))) if found else ()


def _wait(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECS)


def _shut_down(url: str) -> None:
    """Ask for an orderly end; the append-only file is written out whatever SHUTDOWN's word for snapshots is."""
    client = make_client(url, purpose="worker", socket_timeout_secs=_STOP_SECS)
    with contextlib.suppress(StreamError), translate_errors(url):
        client.execute_command("SHUTDOWN", "NOSAVE")
    client.close()
