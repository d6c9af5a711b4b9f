"""Writes sentences from a grammar: offline, varied, and the same for the same seed. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from worker.video.narration.facts import Fact
from worker.video.narration.vocabulary import BRIEF, style_sentences

__all__ = ["GrammarWriter"]

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_N_REMEMBERED = 3
"""A form of a kind of sentence returns after that many others, if there are enough."""
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")
_ORDINAL = re.compile(r"\{count\}th")


class GrammarWriter:
    """Writes one sentence for each fact.

    Args:
        style: one of ``NARRATION_STYLES``.
        seed: of its choices.
    """

    def __init__(self, style: str, seed: int) -> None:
        self._forms = style_sentences(style)
        self._random = np.random.default_rng(seed & 0xFFFF_FFFF)
        self._recent: dict[str, list[str]] = {}

    def write(self, fact: Fact, *, has_room: Callable[[str], bool] = lambda _: True) -> str:
        """The sentence for a fact.

        Args:
            has_room: whether there is time for a sentence. That of a kind in ``BRIEF`` that has none gives way to the longest
                brief one that has.
        """
        forms = [form for form in self._forms[fact.kind] if _fits(form, fact)]
        recent = self._recent.setdefault(fact.kind, [])
        fresh = (
            [form for form in forms if form not in recent[-min(_N_REMEMBERED, len(forms) - 1) :]]
            if len(forms) > 1
            else forms
        )
        form = self._choose(fresh)
        recent.append(form)
        text = self._filled(form, fact)
        if has_room(text):
            return text
        brief = [self._filled(form, fact) for form in self._forms[BRIEF[fact.kind]]]
        return next(filter(has_room, brief), brief[-1])

    def _choose(self, options: Sequence[str]) -> str:
        return options[int(self._random.integers(len(options)))]

    def _filled(self, form: str, fact: Fact) -> str:
        def choose(match: re.Match[str]) -> str:
            options = [option for option in match.group(1).split("|") if _has_slots(option, fact)]
            return self._choose(options)

        text = _CHOICE.sub(choose, form)
        if "count" in fact.values:
            text = _ORDINAL.sub(f"{fact.values['count']}{_ordinal_end(int(fact.values['count']))}", text)
        text = _SLOT.sub(lambda match: fact.values[match.group(1)], text)
        return _SENTENCE_START.sub(lambda match: match.group().upper(), text)


def _ordinal_end(count: int) -> str:
    if count % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")


def _has_slots(text: str, fact: Fact) -> bool:
    return all(slot in fact.values for slot in _SLOT.findall(text))


def _fits(form: str, fact: Fact) -> bool:
    """Whether the fact has what the form needs: all slots outside of choices, and one option of each choice."""
    says_again = "{count}" in form or "again" in form or "once more" in form
    if says_again and fact.kind == "use" and not fact.is_repeated:
        return False
    if fact.kind == "intro" and "name" in fact.values and "{name}" not in form:
        return False  # of several agents, it says which one the video is about
    if not _has_slots(_CHOICE.sub("", form), fact):
        return False
    return all(any(_has_slots(option, fact) for option in choice.split("|")) for choice in _CHOICE.findall(form))
