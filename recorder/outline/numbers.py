"""Computing with recorded numbers: NaN, infinities and the largest ones are such numbers too, and no reason to warn."""

from __future__ import annotations

import numpy as np

__all__ = ["unusual_numbers"]


def unusual_numbers() -> np.errstate:
    """Around what computes with recorded numbers; a context manager, and a decorator."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")
