"""How long the interpreter lets one thread run while another waits for it.

By default 5 ms. Each time the background thread touches a socket it lets go of the interpreter, and a trainer that never
waits for anything keeps it for those 5 ms, again and again: a flat-out trainer would outrun the queue. With 1 ms the
thread keeps up.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["LONGEST_SWITCH_SECS", "prompt_switching"]

LONGEST_SWITCH_SECS = 0.001
"""Measured flat out on two cores: with 5 ms a quarter and more of the steps found the queue full, with 1 ms none."""

_lock = threading.Lock()
_users = 0
_usual_secs = 0.0


@contextmanager
def prompt_switching() -> Iterator[None]:
    """Switch between threads at least each millisecond within the block; the last block to end puts back what was."""
    global _users, _usual_secs
    with _lock:
        if _users == 0:
            _usual_secs = sys.getswitchinterval()
            sys.setswitchinterval(min(_usual_secs, LONGEST_SWITCH_SECS))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                sys.setswitchinterval(_usual_secs)
