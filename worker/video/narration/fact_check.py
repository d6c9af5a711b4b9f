"""Checks a sentence that a language model wrote: every number, name, outcome and direction must be in the fact it speaks of.

Pure. What is not certain is refused, because the grammar has a sentence for every fact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files

from worker.video.narration.facts import Fact
from worker.video.narration.names import parted
from worker.video.narration.vocabulary import forms_of, is_known

__all__ = ["MAX_LETTERS", "is_false_claim", "why_not"]

MAX_LETTERS = 160
"""Longer sentences find no room between events."""

_NUMBER = re.compile(r"([+\-−])?\s?(\d[\d,]*(?:\.\d+)?)\s?(%|percent\b|per cent\b)?", re.IGNORECASE)
_SIGNS = frozenset("§’‘“”–—…−×")
"""Signs of a sentence besides ASCII; § stands for the name of the fact."""
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
_EXCLUSIVE = {
    "side": ("left", "right"),
    "pick": ("best", "worst", "median"),
    "what": ("action", "position", "reward"),
}
"""Words of which only the one in the fact is true, by the slot that has it."""
_QUESTION = re.compile(r"(?:it|this|that|the|they|there)\b")
"""What follows 'Will' where it is no name."""


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
    strange = next((letter for letter in rest if not letter.isascii() and letter not in _SIGNS), None)
    if strange is not None:
        return f"it has the sign {strange!r}"
    numbers = {
        (sign, digits, bool(percent)) for value in fact.values.values() for sign, digits, percent in _numbers(value)
    }
    for name in names:
        if name.casefold() != fact.values.get("name", "").casefold() and _has_word(rest, name):
            return f"it names {name!r}"
    for found in _numbers(rest):
        if found not in numbers:
            return f"it has the number {found[0]}{found[1]}{'%' if found[2] else ''}"
    for slot, words in _EXCLUSIVE.items():
        for word in words:
            if slot in fact.values and word != fact.values[slot] and _has_word(rest, word):
                return f"it says {word!r}"
    return _unknown_word(rest, fact)


def _without(sentence: str, name: str) -> str:
    """The sentence without the name of the fact, as it is or with its words parted, such as ``HomeMeal``."""
    for form in (name, parted(name)):
        if form:
            sentence = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "§", sentence, flags=re.IGNORECASE)
    return sentence


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


def _unknown_word(rest: str, fact: Fact) -> str:
    """A number in words, or a word that is neither in the fact nor in the vocabulary, and so may be a name."""
    number_words = frozenset(_NUMBER_WORDS.split())
    of_fact = {word for text in fact.values.values() for word in _WORD.findall(text.casefold())}
    begins = True
    last = 0
    for match in _WORD.finditer(rest):
        word = match.group()
        between = rest[last : match.start()]
        begins = begins or any(mark in between for mark in ".!?:")
        plain = word.casefold().replace("’", "'").strip("'")
        if plain in number_words:
            return f"it has the number {word!r}"
        is_ending = _ENDING.match(word) is not None and not between and rest[: match.start()][-1:].isdigit()
        is_name = not is_ending and any(letter.isupper() for letter in (word[1:] if begins else word))
        is_name = is_name or (plain == "will" and begins and not _QUESTION.match(rest[match.end() :].lstrip()))
        if plain not in of_fact and is_false_claim(plain, fact):
            return f"it says {word!r}"
        if is_name or not (is_ending or plain in of_fact or is_known(plain)):
            return f"it has the name {word!r}" if is_name else f"it has the word {word!r}"
        begins, last = False, match.end()
    return ""


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
