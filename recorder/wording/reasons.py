"""Reasons to keep an episode in words, and what a criterion said of it as sentences.

``stage_2_first_1`` is ``first of stage 2``. Criteria write reasons, files and catalogs store them, and filters match them.
Only people see the words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from recorder.values.number_format import format_count, format_number, format_value

__all__ = [
    "ExplanationWords",
    "ReasonFamily",
    "count_in_words",
    "explanation_in_words",
    "ordinal",
    "reason_family",
    "reason_glob",
    "reason_in_words",
]


class ReasonFamily(NamedTuple):
    """Reasons that differ in a stage or a place only.

    Args:
        glob: matches them, for the filters of lists.
        words: what they have in common.
    """

    glob: str
    words: str


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``100th``."""
    is_teen = 10 <= number % 100 <= 20
    return f"{format_count(number)}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _periodic(interval: str) -> str:
    return "every episode" if interval == "1" else f"every {ordinal(int(interval))}"


def _first(stage: str, place: str) -> str:
    return f"first of stage {stage}" if place == "1" else f"{ordinal(int(place))} of stage {stage}"


def _last(stage: str, place: str) -> str:
    return f"last of stage {stage}" if place == "1" else f"{ordinal(int(place))} to last of stage {stage}"


_RULES: tuple[tuple[re.Pattern[str], Callable[..., str], ReasonFamily | None], ...] = (
    (re.compile(r"periodic_(\d{1,18})"), _periodic, None),
    (
        re.compile(r"(top|bottom)_(\d+(?:\.\d+)?)pct"),
        lambda side, share: f"{side} {float(share):g} %",
        None,
    ),
    (
        re.compile(r"stage_(-?\d+)_pre_transition"),
        lambda stage: f"just before leaving stage {stage}",
        ReasonFamily("stage_*_pre_transition", "just before leaving a stage"),
    ),
    (
        re.compile(r"stage_(-?\d+)_post_transition"),
        lambda stage: f"just after reaching stage {stage}",
        ReasonFamily("stage_*_post_transition", "just after reaching a stage"),
    ),
    (
        re.compile(r"stage_(-?\d+)_first_(\d{1,18})"),
        _first,
        ReasonFamily("stage_*_first_*", "first of a stage"),
    ),
    (
        re.compile(r"stage_(-?\d+)_last_(\d{1,18})"),
        _last,
        ReasonFamily("stage_*_last_*", "last of a stage"),
    ),
    (re.compile(r"manual_(.+)", re.DOTALL), lambda name: f"you: {_spaced(name)}", None),
    (re.compile("salvaged"), lambda: "trainer died", None),
)
"""Pattern of a reason, its words, and the family that it belongs to; None if each one is a family."""


@lru_cache(maxsize=4096)
def reason_in_words(reason: str) -> str:
    """Return the words for a reason; one of an unknown criterion has spaces for its underscores."""
    for pattern, words, _ in _RULES:
        match = pattern.fullmatch(reason)
        if match is not None:
            return words(*match.groups())
    return _spaced(reason)


def reason_family(reason: str) -> ReasonFamily:
    """Return the family of a reason."""
    for pattern, _, family in _RULES:
        if family is not None and pattern.fullmatch(reason):
            return family
    return ReasonFamily(reason, reason_in_words(reason))


def count_in_words(by_reason: Mapping[str, int]) -> dict[str, int]:
    """The same with reasons in words; those that have the same words are added up."""
    counts: Counter[str] = Counter()
    for reason, count in by_reason.items():
        counts[reason_in_words(reason)] += count
    return dict(counts)


def reason_glob(text: str, reasons: Iterable[str]) -> str:
    """The glob of a filter: for words, that of the reason in ``reasons`` that they stand for, or of the family; any other text
    as it is."""
    known, wanted = list(reasons), _plain(text)
    globs = {_plain(family.words): family.glob for family in map(reason_family, known)}
    globs |= {_plain(reason_in_words(reason)): reason for reason in known}
    return globs.get(wanted, text)


def _plain(words: str) -> str:
    return words.casefold().replace(" %", "%").strip()


def _spaced(name: str) -> str:
    return name.replace("_", " ").strip() or name


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
