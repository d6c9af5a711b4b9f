"""Waiting for a condition instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECS = 60.0
"""No busy machine stalls for so long; only a test that fails waits for it."""

_POLL_SECS = 0.01


def wait_until(condition: Callable[[], T], deadline_secs: float = DEADLINE_SECS, message: str = "the condition") -> T:
    """The first true value of ``condition()``; fails when it has none within ``deadline_secs``."""
    deadline = time.monotonic() + deadline_secs
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{message} did not become true within {deadline_secs:g} s; last value: {value!r}")
        time.sleep(_POLL_SECS)
    return value
