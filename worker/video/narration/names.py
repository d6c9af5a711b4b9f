"""Names from recordings in captions and in speech. Pure."""

from __future__ import annotations

import re
import unicodedata

from recorder.values.number_format import DECIMALS, format_change, format_number
from recorder.values.text import sanitize_text

__all__ = ["change_text", "number_text", "parted", "shown_name", "speakable"]

_MAX_LETTERS = 40
_MINUS = "−"
_NUMBER = re.compile(r"(?<![\w.])([+−])?(\d[\d,]*(?:\.\d+)?)(%)?")
_WORD_EDGES = re.compile(r"(?<=[a-z])(?=[A-Z])|_+")


def shown_name(name: str) -> str:
    """Return a name for captions: one line, at most 40 letters, without invisible characters."""
    visible = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") else letter for letter in sanitize_text(name)
    )
    plain = " ".join(visible.split())
    return plain if len(plain) <= _MAX_LETTERS else f"{plain[: _MAX_LETTERS - 1].rstrip()}…"


def number_text(value: float) -> str:
    """Return a return as the video shows it."""
    return format_number(value, DECIMALS["return"])


def change_text(value: float) -> str:
    """Return a reward as the video shows it, with its sign."""
    return format_change(value, DECIMALS["reward"])


def parted(name: str) -> str:
    """Return a name with a space between its words: ``HomeMeal`` is ``Home Meal``."""
    return " ".join(_WORD_EDGES.sub(" ", name).split())


def speakable(text: str) -> str:
    """Return a sentence for an English voice.

    Signs become words, trailing zeros go, words joined in a name are parted, and what the voice can't read is left out.
    """
    spoken = _NUMBER.sub(_number, text)
    spoken = _WORD_EDGES.sub(" ", spoken).replace("&", " and ").replace("…", "")
    kept = (letter if _is_read(letter) else " " for letter in unicodedata.normalize("NFKC", spoken))
    plain = " ".join("".join(kept).split())
    return re.sub(r"\s+([.,;:!?])", r"\1", plain).strip(" ,;:")


def _number(match: re.Match[str]) -> str:
    sign, digits, percent = match.groups()
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    words = {"+": "plus ", _MINUS: "minus ", None: ""}[sign]
    return f"{words}{digits.replace(',', '')}{' percent' if percent else ''}"


def _is_read(letter: str) -> bool:
    if letter.isascii():
        return letter.isalnum() or letter in " .,;:!?'-"
    return letter.isalpha() and "LATIN" in unicodedata.name(letter, "")
