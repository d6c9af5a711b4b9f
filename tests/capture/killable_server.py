"""A real server at one address for a whole test, which may be frozen, killed, robbed of its last writes, and started again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from recorder.redis_server.client import answers, make_client
from recorder.redis_server.embedded import find_server_binary
from tests.processes import go_on, stop
from tests.waiting import DEADLINE_SECS, wait_until


class KillableServer:
    """Append-only file on, as the embedded server has it.

    Args:
        folder: of its data.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket_dir = Path(tempfile.mkdtemp(prefix="hamlet-test-"))  # a path short enough for a socket
        self._socket = self._socket_dir / "s"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, on whatever the folder holds, and wait until it answers."""
        options = {"port": "0", "unixsocket": str(self._socket), "dir": str(self._folder), "save": ""}
        options |= {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        command = [
            str(find_server_binary()),
            *(word for name, value in options.items() for word in (f"--{name}", value)),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_until(lambda: answers(self.url), message="an answer of the server")
        return self

    def kill(self) -> None:
        """SIGKILL, without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(DEADLINE_SECS)

    def freeze(self) -> None:
        """It accepts connections and answers nothing, like a machine that swaps."""
        assert self._process is not None
        stop(self._process.pid)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        go_on(self._process.pid)

    @property
    def log_bytes(self) -> int:
        """Size of the append-only file, all of it."""
        return self._log().stat().st_size

    def cut_log(self, n_bytes: int) -> None:
        """What a machine that lost its power leaves: all but the last writes."""
        os.truncate(self._log(), n_bytes)

    def lose_everything(self) -> None:
        """Remove its data; while it is killed."""
        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _log(self) -> Path:
        (log,) = self._folder.glob("appendonlydir/*.incr.aof")
        return log

    def client(self) -> redis.Redis:
        """To be closed by whoever asks."""
        return make_client(self.url, purpose="worker")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self.kill()
        shutil.rmtree(self._socket_dir)
