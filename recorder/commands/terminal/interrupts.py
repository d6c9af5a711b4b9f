"""Resends a Ctrl-C that Python ignored."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

__all__ = ["resend_ignored_interrupts"]

_RESEND_SECS = 0.05
"""Delay before resending; longer than a finalizer takes."""


@contextlib.contextmanager
def resend_ignored_interrupts() -> Iterator[None]:
    """Resend a ``KeyboardInterrupt`` that Python ignored within the block.

    Python prints "Exception ignored in" and continues if an exception leaves a ``__del__``, a weak reference's callback
    or a callback of the garbage collector. A Ctrl-C at that moment would have no effect. It is sent again, without a
    message, to the thread that entered the block, which must be the main one. Other ignored exceptions go to the
    previous hook.
    """
    this_thread = threading.get_ident()
    hook_before = sys.unraisablehook
    resent: list[threading.Timer] = []

    def on_ignored(ignored: sys.UnraisableHookArgs) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            hook_before(ignored)
            return
        again = threading.Timer(_RESEND_SECS, signal.pthread_kill, (this_thread, signal.SIGINT))
        again.daemon = True
        resent.append(again)
        again.start()

    sys.unraisablehook = on_ignored
    try:
        yield
    finally:
        sys.unraisablehook = hook_before
        for again in resent:
            again.cancel()
