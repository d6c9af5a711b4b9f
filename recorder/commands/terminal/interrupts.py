"""No Ctrl-C is lost: one that fell where Python can only ignore an exception is given again."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

__all__ = ["no_interrupt_is_lost"]

_AGAIN_SECS = 0.05
"""Until a lost Ctrl-C is given again: longer than a finalizer takes."""


@contextlib.contextmanager
def no_interrupt_is_lost() -> Iterator[None]:
    """Within the block a ``KeyboardInterrupt`` in a finalizer or a callback still interrupts the program.

    Python prints an exception that leaves a ``__del__``, the callback of a weak reference or one of the garbage
    collector's, and goes on ("Exception ignored in"), because nobody called these who could be told. A Ctrl-C that
    arrives in just that moment would have no effect. Here it is sent to the thread that entered the block (the main
    one, which Python interrupts) again soon after, as often as it takes.

    Nothing is printed for it; every other ignored exception goes to the hook that was there before.
    """
    this_thread = threading.get_ident()
    hook_before = sys.unraisablehook
    resent: list[threading.Timer] = []

    def on_ignored(ignored: sys.UnraisableHookArgs) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            hook_before(ignored)
            return
        again = threading.Timer(_AGAIN_SECS, signal.pthread_kill, (this_thread, signal.SIGINT))
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
