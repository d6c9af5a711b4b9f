"""``Workers``: a thread pool for short jobs, run in the order of ``Turns``."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any, Generic, TypeVar

__all__ = ["Turns", "Workers"]

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """A queue that is served from both ends in turn.

    Every second turn goes to the newest item, and first pieces go before later ones: a long queue does not delay a new
    request. The turns between go to the item that has waited longest: each item gets its turn.
    """

    def __init__(self) -> None:
        self._first: OrderedDict[int, Item] = OrderedDict()
        self._later: OrderedDict[int, Item] = OrderedDict()
        self._order = count()
        self._is_oldest_next = False

    def __len__(self) -> int:
        return len(self._first) + len(self._later)

    def add(self, item: Item, *, is_first: bool) -> None:
        """Let an item wait.

        Args:
            is_first: it begins a request; a later one goes on with a request that was served before.
        """
        (self._first if is_first else self._later)[next(self._order)] = item

    def take(self) -> Item:
        """The item whose turn it is.

        Raises:
            KeyError: none waits.
        """
        is_oldest, self._is_oldest_next = self._is_oldest_next, not self._is_oldest_next
        queues = [queue for queue in (self._first, self._later) if queue]
        if not queues:
            raise KeyError("nothing waits")
        if is_oldest:
            return min(queues, key=lambda queue: next(iter(queue))).popitem(last=False)[1]
        return queues[0].popitem(last=True)[1]

    def take_all(self) -> list[Item]:
        """All that wait, in no order; none waits any more."""
        items = [*self._first.values(), *self._later.values()]
        self._first.clear()
        self._later.clear()
        return items


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
