"""Checks a sentence that a language model wrote: every number and every name must be in the fact it speaks of. Pure.

What is not certain is refused, because the grammar has a sentence for every fact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from worker.video.narration.facts import Fact

__all__ = ["MAX_LETTERS", "why_not"]

MAX_LETTERS = 160
"""Longer sentences find no room between events."""

_NUMBER = re.compile(r"([+\-−])?\s?(\d[\d,]*(?:\.\d+)?)\s?(%|percent\b|per cent\b)?", re.IGNORECASE)
_ENDING = re.compile(r"^(st|nd|rd|th)\b")
_WORD = re.compile(r"[^\W\d_][\w'’]*")
_FORBIDDEN = re.compile(r"[<>{}\[\]\\|*_`#@]|://|\n")
_NUMBER_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
hundreds thousand thousands million millions billion dozen dozens half halved quarter third thirds
twice thrice double doubled triple first second fourth fifth sixth seventh eighth ninth tenth couple
pair single
"""
_OPENERS = """
a about above after again against all almost already also although an and another any apparently are
as at back barely be because been before behind below better between beyond big both but by can
careful close could critical danger despite did do does down due each enough even every finally for
from further gone good great had half has have he help here hold how however i if in indeed instead
interesting into is it its just keep later least left less let like little long look looks lost low
luckily maybe meanwhile more most much must near nearly never next nice no nobody none not nothing
notice now of off oh ok on once only or ouch out over perhaps quick quite rather reward right
running same saved see she should since so some someone something soon steady step steps still
straight such suddenly sure survival that the their them then there these they things this those
though through time to today together too toward towards under unfortunately until up usually very
wait was watch we welcome well were what when where which while who why will with within without wow
yes yet you your
"""
"""Words that may begin a sentence with a capital letter and are no names."""


def why_not(sentence: str, fact: Fact, names: Collection[str]) -> str:
    """Return why a sentence can't be used; empty if it can.

    Args:
        fact: what the sentence speaks of.
        names: all names of the episode.
    """
    if not sentence or len(sentence) > MAX_LETTERS:
        return f"its length is {len(sentence)} letters"
    if _FORBIDDEN.search(sentence) or any(unicodedata.category(letter).startswith("C") for letter in sentence):
        return "it has markup or control characters"
    rest = _without(sentence, fact.values.get("name", ""))
    numbers = {
        (sign, digits, bool(percent)) for value in fact.values.values() for sign, digits, percent in _numbers(value)
    }
    for name in names:
        if name.casefold() != fact.values.get("name", "").casefold() and _has_word(rest, name):
            return f"it names {name!r}"
    for found in _numbers(rest):
        if found not in numbers:
            return f"it has the number {found[0]}{found[1]}{'%' if found[2] else ''}"
    return _unknown_word(rest)


def _without(sentence: str, name: str) -> str:
    """The sentence without the name of the fact."""
    if not name:
        return sentence
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "§", sentence, flags=re.IGNORECASE)


def _has_word(sentence: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sentence, flags=re.IGNORECASE) is not None


def _numbers(text: str) -> list[tuple[str, float, bool]]:
    """Sign, size and whether it is a percentage, of each number."""
    found = []
    for match in _NUMBER.finditer(text):
        sign, digits, percent = match.groups()
        is_minus = sign in ("-", "−") or text[: match.start()].rstrip().casefold().endswith(("minus", "negative"))
        found.append(("−" if is_minus else "", float(digits.replace(",", "")), percent is not None))
    return found


def _unknown_word(rest: str) -> str:
    """A number in words, or a word that may be a name."""
    number_words, openers = frozenset(_NUMBER_WORDS.split()), frozenset(_OPENERS.split())
    begins = True
    last = 0
    for match in _WORD.finditer(rest):
        word = match.group()
        between = rest[last : match.start()]
        begins = begins or any(mark in between for mark in ".!?:")
        plain = word.casefold().replace("’", "'")
        if plain in number_words:
            return f"it has the number {word!r}"
        if not word.isascii() and not all(
            "LATIN" in unicodedata.name(letter, "") for letter in word if letter.isalpha()
        ):
            return f"it has the word {word!r}"
        is_ending = _ENDING.match(word) and between == "" and rest[: last + 0].rstrip()[-1:].isdigit()
        if word[0].isupper() and not is_ending and not (begins and plain.partition("'")[0] in openers) and plain != "i":
            return f"it has the name {word!r}"
        begins, last = False, match.end()
    return ""
