"""Which font has a letter: matplotlib's own, which are the same on all machines, and those of the system for other scripts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from matplotlib import get_data_path
from matplotlib.font_manager import findSystemFonts, get_font

__all__ = ["MISSING", "Run", "letters_of", "runs_of"]

_log = logging.getLogger(__name__)

MISSING = "□"
"""Drawn for a letter that no font has."""

_OWN = Path(get_data_path()) / "fonts" / "ttf"
_USUAL = {bold: str(_OWN / f"DejaVuSans{'-Bold' if bold else ''}.ttf") for bold in (False, True)}
_OTHERS = [str(_OWN / name) for name in ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "STIXGeneral.ttf")]

_SYSTEM = (
    "notosanscjk-regular", "notosanssc-regular", "notosansjp-regular", "sourcehansans", "wqy-microhei", "wqy-zenhei",
    "droidsansfallback", "ipag", "takaogothic", "nanumgothic", "msyh", "yugothm", "meiryo", "malgun", "pingfang", "hiragino",
    "arial unicode", "notoemoji", "symbola", "seguisym", "apple symbols", "notosanssymbols", "notosansarabic-regular",
    "notosanshebrew-regular", "notosansdevanagari-regular", "notosansthai-regular", "freesans", "unifont",
)  # fmt: skip
"""How the names of files begin that have letters of other scripts or emoji in one colour, the first one first."""

_UNSEEN = frozenset([0x200D, *range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)])
"""Joiners, variants and skin tones: they change the letter before them, which is drawn without them."""

Run = tuple[str, str]
"""A font's file, and letters that it has."""


@lru_cache(maxsize=2048)
def runs_of(text: str, *, bold: bool) -> tuple[Run, ...]:
    """The text in parts of one font each; control characters become blanks, and letters that no font has ``MISSING``."""
    if letters_of(_USUAL[bold]).issuperset(map(ord, text)) and text.isprintable():
        return ((_USUAL[bold], text),)
    found = groupby(_places(text, bold), key=lambda place: place[0])
    return tuple((file, "".join(letter for _, letter in letters)) for file, letters in found)


def _places(text: str, bold: bool) -> Iterator[Run]:
    for letter in text:
        if ord(letter) in _UNSEEN:
            continue
        if not letter.isprintable():
            yield _USUAL[bold], " "
            continue
        file = _font_with(ord(letter), bold)
        yield (_USUAL[bold], MISSING) if file is None else (file, letter)


@lru_cache(maxsize=8192)
def _font_with(letter: int, bold: bool) -> str | None:
    for file in (_USUAL[bold], *_OTHERS):
        if letter in letters_of(file):
            return file
    return next((file for file in _system_fonts() if letter in letters_of(file)), None)


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[str, ...]:
    """Looked for when a text needs them: few do."""
    found: dict[str, str] = {}
    for file in sorted(findSystemFonts()):
        name = Path(file).name.lower()
        beginning = next((each for each in _SYSTEM if name.startswith(each)), None)
        if beginning is not None:
            found.setdefault(beginning, file)
    return tuple(found[name] for name in _SYSTEM if name in found)


@lru_cache(maxsize=64)
def letters_of(file: str) -> frozenset[int]:
    """The letters of a font; none if it can't be read, as one of coloured pictures."""
    try:
        return frozenset(get_font(file).get_charmap())
    except (OSError, RuntimeError, ValueError) as error:
        _log.warning("the font %s can't be read: %s", file, error)
        return frozenset()
