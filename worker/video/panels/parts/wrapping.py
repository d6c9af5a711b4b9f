"""Breaks a text into lines that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from worker.video.canvas.masks import text_width

__all__ = ["wrapped"]

_IDEOGRAPH = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff"
"""Scripts without blanks between words: a line may break after each letter."""

_MOST_LETTERS = 4
"""In a line as wide as the font's size: the narrowest letters have a quarter of it."""

_WORD = re.compile(rf"\s+|[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}]+")


def wrapped(text: str, width: int, size: int) -> list[str]:
    """The lines of a text; a word that is too long is broken.

    Args:
        width: in pixels.
        size: of the font, in pixels.
    """
    return [line for part in text.split("\n") for line in _lines(part.rstrip(), width, size)]


def _lines(text: str, width: int, size: int) -> Iterator[str]:
    line, used = "", 0
    for word in _WORD.findall(text):
        for part in _broken(word, width, size):
            taken = text_width(part, size)
            if line and used + taken > width:
                yield line.rstrip()
                line, used = "", 0
                if part.isspace():
                    continue
            line, used = line + part, used + taken
    yield line.rstrip()


def _broken(word: str, width: int, size: int) -> Iterator[str]:
    """The word, or the longest parts of it that fit."""
    most = max(1, _MOST_LETTERS * width // size)
    while len(word) > most or (len(word) > 1 and text_width(word, size) > width):
        low, high = 1, min(len(word) - 1, most)
        while low < high:
            middle = (low + high + 1) // 2
            if text_width(word[:middle], size) <= width:
                low = middle
            else:
                high = middle - 1
        yield word[:low]
        word = word[low:]
    yield word
