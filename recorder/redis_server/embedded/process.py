"""One server process: start, checks, of its settings too, and stop."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recorder.child_process import spawn_tethered
from recorder.errors import ServerStartError, StreamError
from recorder.redis_server.client import answers, make_client, redact, server_id_at, translate_errors
from recorder.redis_server.embedded.address import Address, choose_address, configuration, make_private, server_settings
from recorder.redis_server.embedded.folder import ServerFolder, folder_state

__all__ = ["ServerProcess", "confirm_settings", "inode_of", "start_process"]

_LOCK_DEADLINE_SECS = 60.0
"""Time for another server on the folder to load its data and answer, or to stop."""

_STOP_SECS = 10.0
"""Wait after each way to stop, before the next one."""

_VERSION_SECS = 2.0
_POLL_SECS = 0.01


@dataclass(frozen=True)
class ServerProcess:
    """A server that has answered.

    Args:
        folder_inode, socket_inode: inodes of its paths at the start, to notice replaced files; ``socket_inode`` is None
            with a port.
    """

    process: subprocess.Popen[bytes]
    address: Address
    folder: ServerFolder
    folder_inode: int
    socket_inode: int | None

    def problem(self) -> str:
        """Why the server can't be reached any more; empty if it can."""
        status = self.process.poll()
        if status is not None:
            return f"ended with status {status}"
        if inode_of(self.folder.path) != self.folder_inode:
            return f"folder moved or deleted: {self.folder.path}"
        socket_path = self.address.socket_path
        if socket_path is not None and inode_of(socket_path) != self.socket_inode:
            return f"socket deleted: {socket_path}"
        return ""

    def touch(self) -> None:
        """Update the socket's time, so that cleaners of temporary files leave it alone."""
        if self.address.socket_path is not None:
            with contextlib.suppress(OSError):  # the next check finds the problem
                os.utime(self.address.socket_path)

    def stop(self, *, by_command: bool = True) -> None:
        """Stop the server with SHUTDOWN, else SIGTERM, else SIGKILL.

        Args:
            by_command: False if another server may answer at the address.
        """
        if by_command and answers(self.address.url):
            _shut_down(self.address.url)
            _wait(self.process)
        for end in (self.process.terminate, self.process.kill):
            if self.process.poll() is None:
                end()
                _wait(self.process)


def inode_of(path: Path) -> int | None:
    """Inode of the path; None if it does not exist."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def start_process(
    binary: Path, folder: ServerFolder, *, address: Address | None, deadline_secs: float
) -> ServerProcess:
    """Start the program on a folder, and wait until it answers with the right settings.

    Args:
        address: where to listen; None chooses one.

    Raises:
        ServerStartError: another server uses the folder (the message has its URL), the program ended at once (the
            message has its log), or it ignored its settings.
    """
    try:
        folder.create()
        lock = _lock(folder)
    except OSError as error:
        raise ServerStartError(f"the folder of Redis can't be used: {error}") from error
    try:
        if address is None:
            before = folder.read_address()
            address = choose_address(before=None if before is None else before[0])
        elif address.socket_path is not None and not make_private(address.socket_path.parent):
            raise ServerStartError(f"the folder of the socket can't be made private: {address.url}")
        settings = server_settings(address, folder.path, folder.log)
        if _version(binary) >= (7,):
            settings["enable-protected-configs"] = b"local"  # needed to move its data (``server.py``)
        folder.write_address(address.url, None)
        folder.write_private(folder.configuration, configuration(settings))
        folder.log.unlink(missing_ok=True)
        process = _spawn(binary, folder, address, lock)
    except OSError as error:
        raise ServerStartError(f"Redis can't be started: {error}: {binary}") from error
    finally:
        os.close(lock)  # the server keeps its own copy
    socket_path = address.socket_path
    try:
        _wait_for_answer(process, address, folder, deadline_secs)
        confirm_settings(address.url, settings)
        server_id = server_id_at(address.url)
        if server_id is None:
            raise ServerStartError(f"Redis answered once, but not again:\n{folder.log_tail()}\n{folder.log}")
        folder.write_address(address.url, server_id)
        started = ServerProcess(
            process, address, folder, folder.path.stat().st_ino, None if socket_path is None else inode_of(socket_path)
        )
    except BaseException:
        ServerProcess(process, address, folder, 0, None).stop()
        raise
    return started


def _spawn(binary: Path, folder: ServerFolder, address: Address, lock: int) -> subprocess.Popen[bytes]:
    """Start the program.

    The settings are passed on standard input: a server treats a path as a pattern, and if nothing matches, starts with
    defaults that are open to the network. The address is also on the command line.
    """
    command = [str(binary), "-", "--bind", "127.0.0.1", "--port", str(address.port)]
    with folder.configuration.open("rb") as text:
        return spawn_tethered(command, log=folder.log, pass_fds=(lock,), stdin=text.fileno())


def _lock(folder: ServerFolder) -> int:
    deadline = time.monotonic() + _LOCK_DEADLINE_SECS
    while (lock := folder.try_lock()) is None:
        url = folder_state(folder.path).url
        if url is not None:
            raise ServerStartError(
                f"Redis already runs on this folder, at {redact(url)}: use it (--redis-url), or choose another folder: "
                f"{folder.path}"
            )
        if time.monotonic() > deadline:
            raise ServerStartError(
                "Redis runs on this folder, but can't be reached; its socket may be deleted. Stop the process that "
                "started it, usually a worker; Redis then stops too, and its data stays. Then try again: "
                f"{folder.path}"
            )
        time.sleep(_POLL_SECS)
    return lock


def _wait_for_answer(
    process: subprocess.Popen[bytes], address: Address, folder: ServerFolder, deadline_secs: float
) -> None:
    deadline = time.monotonic() + deadline_secs
    while not answers(address.url):
        if process.poll() is not None:
            raise ServerStartError(f"Redis ended at its start:\n{folder.log_tail()}\n{folder.log}")
        if time.monotonic() > deadline:
            raise ServerStartError(
                f"Redis did not answer within {deadline_secs:g} s:\n{folder.log_tail()}\n{folder.log}"
            )
        time.sleep(_POLL_SECS)


def _version(binary: Path) -> tuple[int, ...]:
    """Version as in (7, 0, 15); empty if the program does not print one."""
    try:
        result = subprocess.run(
            [binary, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=_VERSION_SECS, check=False
        )
    except subprocess.TimeoutExpired:
        return ()
    found = re.search(rb"\bv=(\d+(?:\.\d+)*)", result.stdout)
    return tuple(map(int, found[1].split(b"."))) if found else ()


def _wait(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECS)


def _shut_down(url: str) -> None:
    """Send SHUTDOWN. NOSAVE skips the snapshot; the append-only file is still written."""
    client = make_client(url, purpose="worker", socket_timeout_secs=_STOP_SECS)
    with contextlib.suppress(StreamError), translate_errors(url):
        client.execute_command("SHUTDOWN", "NOSAVE")
    client.close()


def confirm_settings(url: str, settings: Mapping[str, bytes]) -> None:
    """Read each setting back.

    Raises:
        ServerStartError: a setting differs.
        StreamError: the server does not answer.
    """
    with make_client(url, purpose="worker") as client:
        client.set_response_callback("CONFIG GET", lambda reply, **_: reply)
        for name, wanted in settings.items():
            with translate_errors(url):
                found = _value(client.execute_command("CONFIG GET", name))
            if not (found == wanted or (name == "dir" and _is_same_folder(found, wanted))):
                raise ServerStartError(
                    f"Redis was stopped, because it ignored its settings: {name} is {found!r} instead of {wanted!r}; "
                    "is the program Redis or Valkey 6.2 or later?"
                )


def _value(reply: Any) -> bytes | None:
    """The value in a reply of the form [name, value] or {name: value}."""
    values = list(reply.values()) if isinstance(reply, Mapping) else list(reply or ())[1::2]
    return values[0] if values else None


def _is_same_folder(found: bytes | None, wanted: bytes) -> bool:
    """Compares the folders themselves, since the server resolves links."""
    try:
        return found is not None and Path(os.fsdecode(found)).samefile(os.fsdecode(wanted))
    except OSError:
        return False
