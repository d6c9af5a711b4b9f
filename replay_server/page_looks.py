"""Writes the shared table of looks and words for the page, which can't read Python.

After a change of ``recorder/outline/looks.py``: ``python -m replay_server.page_looks``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recorder.outline.looks import AFFORDANCE_SHAPES, DARK, LIGHT, MARKER_WORDS, Colors
from recorder.outline.meter_levels import CRITICAL_SHARE, LOW_SHARE

__all__ = ["PAGE_FILES", "write"]

_PAGE = Path(__file__).parent / "page"
_NOTE = "Written by replay_server/page_looks.py from recorder/outline/looks.py: change that."


def _script() -> str:
    words = {kind: word._asdict() for kind, word in MARKER_WORDS.items()}
    constants = (
        ("Shares of a meter's range below which it is low, or critical.", "LEVEL_SHARES",
         {"low": LOW_SHARE, "critical": CRITICAL_SHARE}),
        ("What each kind of marker is called; `sign` tells it apart without colour.", "MARKER_WORDS", words),
        ("Colours that the style sheet has for affordances.", "N_AFFORDANCE_COLOURS", len(DARK.affordances)),
        ("Corners of the marks of affordances, within the unit circle, y down.", "AFFORDANCE_SHAPES", AFFORDANCE_SHAPES),
    )  # fmt: skip
    parts = [f"/** {comment} */\nexport const {name} = {_literal(value)};\n" for comment, name, value in constants]
    return f"/** {_NOTE} */\n\n" + "\n".join(parts)


def _literal(value: Any) -> str:
    """JSON with one entry a line where it has entries."""
    if isinstance(value, dict):
        entries = [f"{key}: {json.dumps(entry, ensure_ascii=False)}" for key, entry in value.items()]
        return "{\n  " + ",\n  ".join(entries) + ",\n}"
    if isinstance(value, tuple):
        return "[\n  " + ",\n  ".join(json.dumps(entry) for entry in value) + ",\n]"
    return json.dumps(value)


def _variables(colors: Colors) -> str:
    named = {
        "agent": colors.agent,
        "agent-edge": colors.agent_edge,
        "good": colors.good,
        "warn": colors.low,
        "bad": colors.critical,
        **{f"marker-{kind}": color for kind, color in colors.markers.items()},
        **{f"kind-{number + 1}": color for number, color in enumerate(colors.affordances)},
    }
    return "\n".join(f"  --{name}: {color};" for name, color in named.items())


def _style() -> str:
    fills = "\n".join(f".kind-{n + 1} {{ fill: var(--kind-{n + 1}); }}" for n in range(len(DARK.affordances)))
    light = f':root[data-theme="light"] {{\n{_variables(LIGHT)}\n}}'
    return f"/* {_NOTE} */\n\n:root {{\n{_variables(DARK)}\n}}\n\n{light}\n\n{fills}\n"


PAGE_FILES = {_PAGE / "shell" / "looks.js": _script, _PAGE / "style" / "looks.css": _style}
"""The files, and what makes the text of each."""


def write() -> None:
    """Write all of them."""
    for path, make in PAGE_FILES.items():
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    write()
