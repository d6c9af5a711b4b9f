"""One line of the output of ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Verdict"]

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A result of a check.

    Args:
        verdict: ``fail`` if recording can't work, ``warn`` if it works but needs attention.
        what: the subject.
        found: its state.
        advice: what to do; empty if nothing.
    """

    verdict: Verdict
    what: str
    found: str
    advice: str = ""
