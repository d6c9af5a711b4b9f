"""Texts for users are plain English: phrases that were removed do not come back."""

from __future__ import annotations

import re

import pytest

from recorder.commands import COMMANDS
from recorder.commands.arguments.parsing import build_parser
from tests.docs.pages import PAGES
from tests.processes import ROOT

PHRASES = [
    r"\bwho has an?\b",
    r"\bwho (watches|asks|wants|lists|gives)\b",
    r"\bwhoever\b",
    r"costs? (itself|themselves) alone",
    r"\bof (its|their|his|one's|your|ours?) own\b",
    r"\bof one's own\b",
    r"\bthe seed's\b",
    r"\bthe brief\b",
    r"\bthe design has\b",
    r"\b(is|are) told\b",
    r"\btold (otherwise|once|what|of)\b",
    r"\blies?\b",
    r"\bbehind (the|it|each)\b",
    r"\bwhat can't\b",
    r"\blives lived\b",
    r"\bfor who\b",
    r"\bno longer (black|cut|leaves)\b",
    r"\beven where no\b",
    r"\b(begin|begins|begun|began|made|make|makes) anew\b",
    r"\bheard of\b",
]
"""What the first texts were written in. Each has a plain form: a subject, a verb, an object."""


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_has_none_of_the_listed_phrases(name: str) -> None:
    prose = re.sub(r"^```.*?^```", "", PAGES[name], flags=re.DOTALL | re.MULTILINE)
    assert _found(prose) == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_commands_help_has_none_of_the_listed_phrases(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser([name]).parse_args([name, "--help"])
    assert _found(capsys.readouterr().out) == []


@pytest.mark.parametrize("package", ["recorder", "worker", "replay_server"])
def test_a_packages_source_has_none_of_the_listed_phrases(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".js", ".css", ".html")]
    assert files
    assert {path.name: found for path in files if (found := _found(path.read_text(encoding="utf-8")))} == {}


def _found(text: str) -> list[str]:
    plain = " ".join(re.sub(r"`[^`]*`", "`…`", text).split())
    return [plain[max(0, match.start() - 30) : match.end() + 30] for phrase in PHRASES for match in _all(phrase, plain)]


def _all(phrase: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(phrase, text, re.IGNORECASE))
