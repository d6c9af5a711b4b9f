"""What one environment told with its last reset or step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recorder.wrappers.environment.parts import own_copy
from recorder.wrappers.episodes.plan import ACTION_MASK

__all__ = ["LastInfo"]


class LastInfo:
    """Of one wrapper."""

    def __init__(self) -> None:
        self.info: Mapping[str, Any] = {}
        """What the environment told last."""
        self.action_mask: Any = None
        """What it allowed next; a copy, because the next step may write there."""

    def take(self, info: Mapping[str, Any]) -> None:
        """Remember what the environment told."""
        self.info, self.action_mask = {}, None
        mask = info.get(ACTION_MASK)
        self.info = info
        # A composite space's masks come in a tuple, which no field takes.
        self.action_mask = None if mask is None or isinstance(mask, tuple) else own_copy(mask)
