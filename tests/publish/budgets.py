"""Budgets for pictures."""

from __future__ import annotations

from collections.abc import Callable

from recorder.publish.picture_budget import PictureBudget

__all__ = ["a_budget"]


def a_budget(
    bytes_per_sec: float = 2**30,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    is_tight: Callable[[], bool] = lambda: False,
) -> PictureBudget:
    """A budget that leaves nothing out unless it is told to."""
    return PictureBudget(bytes_per_sec, clock=clock, is_tight=is_tight, on_left_out=lambda _: None)
