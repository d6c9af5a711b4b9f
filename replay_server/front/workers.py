"""A thread pool for short jobs, run in the order of ``Turns``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from replay_server.front.turns import Turns

__all__ = ["Workers"]


class Workers:
    """Threads and their queue.

    Args:
        n_threads: started with the first job.
        name: of the threads.
    """

    def __init__(self, n_threads: int, name: str) -> None:
        self._n_threads = n_threads
        self._name = name
        self._queue: Turns[tuple[Callable[[], Any], Future[Any]]] = Turns()
        self._is_ended = False
        self._is_held = False
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def submit(self, job: Callable[[], Any], *, is_first: bool = True) -> Future[Any]:
        """Queue a job.

        Args:
            is_first: whether it begins a request.

        Raises:
            RuntimeError: the pool was stopped.
        """
        future: Future[Any] = Future()
        with self._changed:
            if self._is_ended:
                raise RuntimeError("the threads have been stopped")
            if len(self._threads) < self._n_threads:
                name = f"{self._name}-{len(self._threads)}"
                self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
                self._threads[-1].start()
            self._queue.add((job, future), is_first=is_first)
            if not self._is_held:
                self._changed.notify()
        return future

    @property
    def is_held(self) -> bool:
        """Whether no job is started."""
        return self._is_held

    def hold(self) -> None:
        """Start no job until ``go_on``; running ones go on."""
        with self._changed:
            self._is_held = True

    def go_on(self) -> None:
        """Start jobs again."""
        with self._changed:
            self._is_held = False
            self._changed.notify(len(self._queue))

    def end(self) -> None:
        """Cancel waiting jobs, and do not wait for running ones."""
        with self._changed:
            self._is_ended = True
            waiting = self._queue.take_all()
            self._changed.notify_all()
        for _, future in waiting:
            future.cancel()

    def _run(self) -> None:
        while True:
            with self._changed:
                while (self._is_held or not self._queue) and not self._is_ended:
                    self._changed.wait()
                if self._is_ended:
                    return
                job, future = self._queue.take()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - the waiting caller gets the error
                future.set_exception(error)
            else:
                future.set_result(result)
            del job, future  # drop the job's objects now, because they may be large and the next job may come late
