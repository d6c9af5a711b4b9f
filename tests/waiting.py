"""Waiting for a condition instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECS = 100.0
"""No busy machine stalls for so long; only a test that fails waits for it."""

_FIRST_PAUSE_SECS = 0.01
_LONGEST_PAUSE_SECS = 0.1
"""A condition may open a catalog: asked without a pause it would take the processor from what it waits for."""


def wait_until(condition: Callable[[], T], deadline_secs: float = DEADLINE_SECS, message: str = "the condition") -> T:
    """The first true value of ``condition()``; fails when it has none within ``deadline_secs``."""
    deadline = time.monotonic() + deadline_secs
    pause_secs = _FIRST_PAUSE_SECS
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{message} did not become true within {deadline_secs:g} s; last value: {value!r}")
        time.sleep(pause_secs)
        pause_secs = min(1.3 * pause_secs, _LONGEST_PAUSE_SECS)
    return value
