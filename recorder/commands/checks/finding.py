"""One line of ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Verdict"]

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and what was found.

    Args:
        verdict: ``fail`` when recording can't work, ``warn`` when it works but something will bite.
        what: the thing; found: what is the case; advice: what to do about it, empty when nothing is.
    """

    verdict: Verdict
    what: str
    found: str
    advice: str = ""
