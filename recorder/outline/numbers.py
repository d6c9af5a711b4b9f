"""Arithmetic with recorded numbers, which may be NaN, infinite or huge."""

from __future__ import annotations

import numpy as np

__all__ = ["unusual_numbers"]


def unusual_numbers() -> np.errstate:
    """Suppress numpy's warnings about such numbers; a context manager and a decorator."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")
