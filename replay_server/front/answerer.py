"""``Answerer``: the interface through which a connection uses the front."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from replay_server.front.wsgi import Application, WsgiCall
from replay_server.limits import FrontLimits

__all__ = ["Answerer"]


class Answerer(Protocol):
    """Answers requests and tracks the connections.

    Attributes:
        app: the application.
        limits: for every connection.
        clock: monotonic seconds.
        path_of: from the environment of a request to its path within the application.
    """

    app: Application
    limits: FrontLimits
    clock: Callable[[], float]
    path_of: Callable[[dict[str, Any]], str]

    def submit(
        self, job: Callable[[], bytes], on_done: Callable[[Future[bytes]], None], *, path: str, is_first: bool
    ) -> None:
        """Produce a piece of an answer on a thread, then call ``on_done`` on the event loop.

        Args:
            path: of the request, within the application.
            is_first: whether it is the first piece of its answer.
        """

    def close_later(self, call: WsgiCall) -> None:
        """Close an unfinished answer on a thread, because it may have a file open."""

    def note_arrival(self) -> None:
        """Called when a part of a request has arrived."""

    def forget(self, connection: object) -> None:
        """Called when a connection is gone."""
