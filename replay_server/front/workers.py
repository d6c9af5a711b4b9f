"""A few threads that do short pieces of work; who has been served least is served first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from heapq import heappop, heappush
from itertools import count
from typing import Any

__all__ = ["Workers"]

_MAX_RANK = 16
"""Those that have had more are served in the order in which they come, so that they all go on."""


class Workers:
    """Threads and what waits for them.

    Args:
        n_threads: started with the first piece of work.
        name: of the threads.
    """

    def __init__(self, n_threads: int, name: str) -> None:
        self._n_threads = n_threads
        self._name = name
        self._queue: list[tuple[int, int, Callable[[], Any], Future[Any]]] = []
        self._order = count()
        self._is_ended = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def submit(self, job: Callable[[], Any], *, rank: int = 0) -> Future[Any]:
        """Have ``job`` done.

        Args:
            rank: pieces of work that were done for the same request before; fewer go first.

        Raises:
            RuntimeError: the threads have been ended.
        """
        future: Future[Any] = Future()
        with self._changed:
            if self._is_ended:
                raise RuntimeError("the threads have been ended")
            if len(self._threads) < self._n_threads:
                name = f"{self._name}-{len(self._threads)}"
                self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()
            heappush(self._queue, (min(rank, _MAX_RANK), next(self._order), job, future))
            self._changed.notify()
        return future

    def end(self) -> None:
        """Begin nothing more; what has not begun is cancelled, what has begun is not waited for."""
        with self._changed:
            self._is_ended = True
            waiting, self._queue = self._queue, []
            self._changed.notify_all()
        for _, _, _, future in waiting:
            future.cancel()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._is_ended:
                    self._changed.wait()
                if self._is_ended:
                    return
                _, _, job, future = heappop(self._queue)
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - who waits for the result is told
                future.set_exception(error)
            else:
                future.set_result(result)
            del job, future  # what they hold may be large, and the next one may be long in coming
