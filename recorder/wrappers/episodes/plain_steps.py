"""The quick way of one environment's steps, where nothing is added to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder.wrappers.environment.additions import Additions
from recorder.wrappers.environment.hooks import Hooks
from recorder.wrappers.episodes.plan import ACTION_MASK, Plan

if TYPE_CHECKING:
    from recorder.capture.writing.native import NativeSteps

__all__ = ["plain_steps"]


def plain_steps(plan: Plan, hooks: Hooks, additions: Additions, *, lane: int) -> NativeSteps | None:
    """Writes steps as they come; None where something is added to each, or where there is no such way."""
    is_plain = plan.is_plain and not (plan.has_frames or additions.come_with_each_step)
    if plan.recorder is None or not is_plain or hooks.has_triggers or hooks.has_episode_fn:
        return None
    return plan.recorder.plain_steps(lane=lane, mask_name=ACTION_MASK)
