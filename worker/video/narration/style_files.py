"""The sentences of each style of narration, one style a file in ``styles/``.

A line is ``KIND: SENTENCE``; the kind is that of a fact, or in ``BRIEF`` for an end with little time, the longest first.
``[a|b|]`` is a choice, and ``{slot}`` a value of the fact. A sentence is used only if the fact has its slots. No sentence has a
number or a name besides its slots, because the fact sheet vouches for those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

__all__ = ["BRIEF", "style_sentences"]

BRIEF: Mapping[str, str] = {"end": "brief", "death": "brief", "win": "brief_win", "tie": "brief_tie"}
"""What is said of an end if there is little time, by kind of fact."""


@cache
def style_sentences(style: str) -> Mapping[str, Sequence[str]]:
    """The sentences of a style by kind of fact.

    Args:
        style: one of ``recorder.video.sound_choices.NARRATION_STYLES``.
    """
    text = (files("worker.video.narration") / "styles" / f"{style}.txt").read_text(encoding="utf-8")
    sentences: dict[str, list[str]] = {}
    for line in text.splitlines():
        kind, found, sentence = line.partition(": ")
        if found and not line.startswith("#"):
            sentences.setdefault(kind, []).append(sentence)
    return sentences
