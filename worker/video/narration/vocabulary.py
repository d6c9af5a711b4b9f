"""The words that a language model may use without a fact, and the sentences of each style, one style a file in ``styles/``.

A line of a style is ``KIND: SENTENCE``; the kind is that of a fact, or in ``BRIEF`` for an end with little time, the longest
first. ``[a|b|]`` is a choice, and ``{slot}`` a value of the fact. A sentence is used only if the fact has its slots. No
sentence has a number or a name besides its slots, because the fact sheet vouches for those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

__all__ = ["BRIEF", "forms_of", "is_known", "style_sentences"]

_ENDINGS = {
    "fixed": (),
    "verbs": ("s", "es", "d", "ed", "ing"),
    "qualities": ("r", "er", "st", "est", "ly", "ness"),
    "nouns": ("s", "es"),
}
"""Endings of the words below a heading of ``vocabulary.txt`` that begins with this word."""
_CONTRACTIONS = ("n't", "'s", "'re", "'ve", "'ll", "'d", "'m")


def is_known(word: str) -> bool:
    """Return whether a word is in the vocabulary, as it is or contracted.

    Args:
        word: in small letters.
    """
    for contraction in _CONTRACTIONS:
        if word.endswith(contraction):
            word = word.removesuffix(contraction)
            break
    return word in _vocabulary()


@cache
def _vocabulary() -> frozenset[str]:
    """The words of ``vocabulary.txt`` in all their forms."""
    text = (files("worker.video.narration") / "vocabulary.txt").read_text(encoding="utf-8")
    words: set[str] = set()
    kind = ""
    for line in text.splitlines():
        if line.startswith("#"):
            kind = line[1:].split()[0].rstrip(":")
            continue
        for word in line.split():
            words.update(forms_of(word, kind))
    return frozenset(words)


def forms_of(word: str, kind: str) -> Iterator[str]:
    """A word in all its forms.

    Args:
        kind: ``fixed``, ``verbs``, ``qualities`` or ``nouns``.
    """
    yield word
    for ending in _ENDINGS.get(kind, ()):
        yield from _forms(word, ending)


def _forms(word: str, ending: str) -> Iterator[str]:
    """How a word may be written with an ending: ``stoping`` and ``stopping``, ``carryed`` and ``carried``."""
    yield word + ending
    if ending[0] in "ei" and word[-1] not in "aeiouy":
        yield word + word[-1] + ending
    if ending == "ing" and word[-1] == "e":
        yield word[:-1] + ending
    if word[-1] == "y" and ending in ("es", "ed", "er", "est", "ly", "ness"):
        yield f"{word[:-1]}i{ending}"
    if ending == "ly" and word[-1] == "e":
        yield f"{word[:-1]}y"


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
