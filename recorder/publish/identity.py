"""Whose episodes these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RunIdentity"]


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What the episodes of one recorder have in common.

    Args:
        resumed: this trainer continues the run from a checkpoint: its episodes replace older ones of the same id.
        defaults: fields of the metadata that ``finish_episode`` need not repeat.
    """

    run_id: str
    producer_id: str
    resumed: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
