"""Limits on the numbers of a video."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from recorder.errors import UsageError

__all__ = ["MAX_RATE", "MAX_SIDE", "MIN_SIDE", "check_numbers", "check_rate", "check_side", "check_still"]

MIN_SIDE = 160
"""Pixels; text is unreadable in smaller frames."""
MAX_SIDE = 8192
"""Pixels; the largest side that H.264 decoders play."""

_MIN_RATE, MAX_RATE = 0.001, 1000
_MAX_STILL_SECS = 600
"""Still frames are drawn and encoded like all others."""


def check_numbers(choices: Mapping[str, Any]) -> None:
    """Check each number by its name in ``VIDEO_CHOICES``; missing ones are skipped.

    Raises:
        UsageError: a number is out of range.
    """
    for name in ("width", "height"):
        if name in choices:
            check_side(name, choices[name])
    for name in ("fps", "steps_per_second", "speed"):
        if name in choices:
            check_rate(name, choices[name])
    for name in ("title_secs", "hold_secs"):
        if name in choices:
            check_still(name, choices[name])


def check_side(name: str, n_pixels: int) -> None:
    """Check the width or height of a frame.

    Raises:
        UsageError: it is odd or out of range.
    """
    if n_pixels % 2 or not MIN_SIDE <= n_pixels <= MAX_SIDE:
        raise UsageError(f"{name} must be an even number of pixels from {MIN_SIDE} to {MAX_SIDE}, got {n_pixels}")


def check_rate(name: str, value: float | Fraction) -> None:
    """Check a rate or a speed factor.

    Raises:
        UsageError: it is below 0.001 or above 1000.
    """
    if not _MIN_RATE <= value <= MAX_RATE:
        raise UsageError(f"{name} must be {_MIN_RATE} to {MAX_RATE}, got {value}")


def check_still(name: str, secs: float) -> None:
    """Check the duration of a still picture.

    Raises:
        UsageError: it is negative or above ten minutes.
    """
    if not 0 <= secs <= _MAX_STILL_SECS:
        raise UsageError(f"{name} must be 0 to {_MAX_STILL_SECS} seconds, got {secs}")
