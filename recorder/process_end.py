"""Work for the moment in which this process ends in order: by itself, by an exception, or by ``sys.exit``.

``atexit`` alone does not do: a process that ``multiprocessing`` started ends without it, and a fork would do its parent's work
a second time. Nothing here runs in a process that is killed, or that ends by ``os._exit``.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from multiprocessing.util import Finalize

__all__ = ["at_process_end"]


def at_process_end(work: Callable[[], object]) -> Callable[[], None]:
    """Have work done when this process ends: once, here and in no fork of it; what was asked for last is done first.

    Threads that are no daemons have ended by then; daemons still run.

    Returns:
        What takes it back.
    """
    finalizer = Finalize(None, work, exitpriority=0)
    atexit.register(finalizer)

    def take_back() -> None:
        finalizer.cancel()
        atexit.unregister(finalizer)

    return take_back
