"""The pages of the documentation, and what stands in them: blocks of code and command lines."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from recorder.commands import COMMANDS
from tests.processes import ROOT

__all__ = ["PAGES", "blocks", "command_lines", "page", "shell_lines"]

PROGRAM = "hamlet-recorder"

PAGES: dict[str, str] = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        ROOT / "replay_server" / "PROTOCOL.md",
        ROOT / "recorder" / "episode_file" / "FORMAT.md",
        ROOT / "benchmarks" / "README.md",
        ROOT / "examples" / "README.md",
    )
}
"""Path in the repository to text."""


def page(name: str) -> str:
    """The text of one page."""
    return PAGES[name]


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def shell_lines(text: str) -> list[str]:
    """The lines of all shell blocks, without comments and blank lines."""
    lines = [line.partition(" #")[0].strip() for block in blocks(text, "bash") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def command_lines(text: str, *, inline: bool = False) -> list[list[str]]:
    """The arguments of each command line of this project in shell blocks, or of those between backticks.

    Args:
        inline: those between backticks, which may go over the end of a line, and begin with the command's name alone.
    """
    if inline:
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        codes = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
        lines = [f"{PROGRAM} {code}" if " --" in code and code.split()[0] in COMMANDS else code for code in codes]
    else:
        lines = [re.sub(r"^([A-Z_]+=\S+ )+", "", re.sub(r"\$\([^)]*\)", "x", line)) for line in shell_lines(text)]
    return [shlex.split(line)[1:] for line in lines if line.split()[:1] == [PROGRAM] and len(line.split()) > 1]


def relative_links(name: str) -> list[Path]:
    """The files that a page links to."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"^```.*?^```", "", PAGES[name], flags=re.S | re.M))
    return [(ROOT / name).parent / link for link in links if not link.startswith(("http:", "https:", "mailto:"))]
