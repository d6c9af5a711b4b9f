"""What the numbers of a video can be: a request beyond these limits is refused, and the renderer draws none."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from recorder.errors import UsageError

__all__ = ["MAX_RATE", "MAX_SIDE", "MIN_SIDE", "check_numbers", "check_rate", "check_side", "check_still"]

MIN_SIDE = 160
"""Below this many pixels no text can be read."""
MAX_SIDE = 8192
"""Largest side that H.264 decoders play."""

_MIN_RATE, MAX_RATE = 0.001, 1000
_MAX_STILL_SECS = 600
"""Ten minutes of one picture: frames that stand still are drawn and encoded like all others."""


def check_numbers(choices: Mapping[str, Any]) -> None:
    """Check each choice that is a number; names as in ``VIDEO_CHOICES``, those that are missing are not looked at.

    Raises:
        UsageError: a number can't be.
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
        UsageError: it is odd, or too small or too large to be a video.
    """
    if n_pixels % 2 or not MIN_SIDE <= n_pixels <= MAX_SIDE:
        raise UsageError(f"{name} is an even number of pixels from {MIN_SIDE} to {MAX_SIDE}, not {n_pixels}")


def check_rate(name: str, value: float | Fraction) -> None:
    """Check how many of something there are a second, or how many times as fast.

    Raises:
        UsageError: it is below a thousandth, or beyond 1000.
    """
    if not _MIN_RATE <= value <= MAX_RATE:
        raise UsageError(f"{name} is a number from {_MIN_RATE} to {MAX_RATE}, not {value}")


def check_still(name: str, secs: float) -> None:
    """Check for how many seconds a picture stands still.

    Raises:
        UsageError: it is negative, or beyond ten minutes.
    """
    if not 0 <= secs <= _MAX_STILL_SECS:
        raise UsageError(f"{name} is a number of seconds from 0 to {_MAX_STILL_SECS}, not {secs}")
