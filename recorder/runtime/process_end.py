"""Runs functions when this process ends normally, by an exception, or by ``sys.exit``.

``atexit`` is not enough: processes of ``multiprocessing`` skip it, and a fork would run its parent's functions. Nothing
runs in a killed process or after ``os._exit``.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from multiprocessing.util import Finalize

__all__ = ["at_process_end"]


def at_process_end(work: Callable[[], object]) -> Callable[[], None]:
    """Call ``work`` once when this process ends, but not in its forks; the last one registered runs first.

    Non-daemon threads have ended by then; daemon threads still run.

    Returns:
        A function that cancels this.
    """
    finalizer = Finalize(None, work, exitpriority=0)
    atexit.register(finalizer)

    def cancel() -> None:
        finalizer.cancel()
        atexit.unregister(finalizer)

    return cancel
