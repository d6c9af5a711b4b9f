"""A way to a server that can be cut: the trainer is without a network, and the workers are not."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

__all__ = ["Relay"]


class Relay:
    """Passes bytes between a port of this machine and a server's Unix socket.

    Args:
        server_url: ``unix://PATH``.
    """

    def __init__(self, server_url: str) -> None:
        self._path = server_url.removeprefix("unix://").partition("?")[0]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._is_cut = False
        self._is_over = False
        self._open: list[socket.socket] = []
        self._pumps: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self.cut()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        for pump in self._pumps:
            pump.join()
        self._listener.close()

    def cut(self) -> None:
        """From now on nobody gets through, and nobody is told why."""
        with self._lock:
            self._is_cut = True
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def mend(self) -> None:
        """Let them through again."""
        self._is_cut = False

    def _accept(self) -> None:
        while not self._is_over:
            ours, _ = self._listener.accept()
            with self._lock:
                if self._is_cut:
                    ours.close()
                    continue
                theirs = socket.socket(socket.AF_UNIX)
                theirs.connect(self._path)
                self._open += [ours, theirs]
            pump = threading.Thread(target=_pass_on, args=[ours, theirs], daemon=True)
            pump.start()
            self._pumps.append(pump)


def _pass_on(ours: socket.socket, theirs: socket.socket) -> None:
    """Both ways, until one of them ends."""
    with ours, theirs, selectors.DefaultSelector() as ready, contextlib.suppress(OSError):
        ready.register(ours, selectors.EVENT_READ, theirs)
        ready.register(theirs, selectors.EVENT_READ, ours)
        while True:
            for key, _ in ready.select():
                source, sink = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                if not (data := source.recv(2**16)):
                    return
                sink.sendall(data)
