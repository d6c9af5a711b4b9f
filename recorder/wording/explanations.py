"""What a criterion said of an episode, as sentences: what it measured, what it compared that with, and its rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from recorder.values.number_format import format_number, format_value

__all__ = ["ExplanationWords", "explanation_in_words"]


class ExplanationWords(NamedTuple):
    """Title: the criterion's name in words. Text: sentences."""

    title: str
    text: str


class _Criterion(NamedTuple):
    title: str
    value: str


_QUOTED_OR_UNDERSCORE = re.compile(r"('[^']*')|_")
"""Names in quotes stay as they are."""

_CRITERIA = {
    "periodic": _Criterion("Every n-th episode", "remainder"),
    "stage_transitions": _Criterion("Change of stage", "stage"),
    "performance": _Criterion("Unusual return", "return"),
    "stage_boundaries": _Criterion("First and last of a stage", "number within its stage"),
    "manual": _Criterion("Asked for by the trainer", "value"),
    "salvaged": _Criterion("Trainer died", "status"),
    "status": _Criterion("Discarded by the trainer", "status"),
    "max_held": _Criterion("Too many undecided episodes", "value"),
}
"""Titles of the criteria of this project, and what they measure."""


def explanation_in_words(explanation: Mapping[str, Any]) -> ExplanationWords:
    """Return the words for an entry of ``EpisodeRow.why``."""
    name = str(explanation.get("criterion", ""))
    known = _CRITERIA.get(name, _Criterion(_spaced(name) or "Unnamed criterion", "value"))
    value, threshold = (_number(explanation.get(key)) for key in ("value", "threshold"))
    parts = []
    if value is not None:
        parts.append(f"{known.value[:1].upper()}{known.value[1:]} {value}")
    if threshold is not None:
        parts.append(f"{'threshold' if parts else 'Threshold'} {threshold}")
    detail = _QUOTED_OR_UNDERSCORE.sub(lambda it: it[1] or " ", str(explanation.get("detail") or ""))
    rule = f"{detail[:1].upper()}{detail[1:]}." if detail else ""
    measured = f"{', '.join(parts)}. " if parts else ""
    return ExplanationWords(known.title, f"{measured}{rule}".strip())


def _number(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _spaced(str(value))
    return format_value(value) if isinstance(value, int) else format_number(value)


def _spaced(text: str) -> str:
    return text.replace("_", " ")
