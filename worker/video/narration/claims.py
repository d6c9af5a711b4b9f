"""Which words of a sentence claim an outcome or a direction, and whether the fact has it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from worker.video.narration.facts import Fact
from worker.video.narration.vocabulary import forms_of

__all__ = ["is_false_claim"]


def is_false_claim(word: str, fact: Fact) -> bool:
    """Return whether a word claims something that its fact does not say: that a meter rises when it falls, that it won.

    Args:
        word: in small letters.
    """
    kinds = _claims().get(word)
    return kinds is not None and kinds.isdisjoint(_what_is_true(fact))


def _what_is_true(fact: Fact) -> Iterator[str]:
    yield fact.kind
    if fact.is_repeated:
        yield "repeated"
    if "pick" in fact.values:
        yield f"pick_{fact.values['pick']}"
    reward = fact.values.get("reward", "")
    if reward.startswith("+"):
        yield "gain"
    elif reward.startswith("−"):
        yield "loss"


@cache
def _claims() -> Mapping[str, frozenset[str]]:
    """The kinds of facts that allow a word, by all words of ``claims.txt`` in all their forms."""
    text = (files("worker.video.narration") / "claims.txt").read_text(encoding="utf-8")
    claims: dict[str, frozenset[str]] = {}
    kinds: frozenset[str] = frozenset()
    for line in text.splitlines():
        heading, _, rest = line.partition(": ")
        if line.startswith("#"):
            kinds = frozenset(rest.split())
            continue
        for word in rest.split():
            for form in forms_of(word, heading):
                claims[form] = claims.get(form, frozenset()) | kinds
    return claims
