"""Colours, shapes and names for the page, thumbnails, videos and HTML files.

``replay_server/browser/page_looks.py`` generates ``page/shell/looks.js`` and ``page/style/looks.css`` from this table; a test
compares them.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = [
    "AFFORDANCE_SHAPES",
    "DARK",
    "LIGHT",
    "MARKER_WORDS",
    "Colors",
    "MarkerWord",
    "kind_of",
    "number_affordances",
]


class MarkerWord(NamedTuple):
    """Name of a kind of marker, and a sign that distinguishes it without colour."""

    name: str
    sign: str


MARKER_WORDS = {
    "low_meter": MarkerWord("Meter near empty", "▼"),
    "affordance": MarkerWord("Affordance used", "◆"),
    "unsure": MarkerWord("Policy unsure", "?"),
    "best_reward": MarkerWord("Greatest reward", "★"),
    "gap": MarkerWord("Steps missing", "╱"),
    "end": MarkerWord("End", "■"),
    "annotation": MarkerWord("Annotation", "✎"),
    "died": MarkerWord("Agent terminated", "✕"),
    "joined": MarkerWord("Agent joined", "→"),
    "left": MarkerWord("Agent left", "←"),
}


class Colors(NamedTuple):
    """Colours with a meaning in a theme, as ``#rrggbb``.

    Args:
        ground: the board.
        grid: its lines.
        trail: where the agent has been.
        agent: the agent and its trail.
        agent_edge: drawn on the agent.
        good, low, critical: levels of a meter.
        affordances: by the numbers of ``number_affordances``.
        agents: of several agents, by the numbers of ``number_agents``: three shades of each hue.
        markers: by kind.
    """

    ground: str
    grid: str
    trail: str
    agent: str
    agent_edge: str
    good: str
    low: str
    critical: str
    affordances: Sequence[str]
    agents: Sequence[str]
    markers: dict[str, str]


DARK = Colors(
    ground="#11161d",
    grid="#262e39",
    trail="#2f528f",
    agent="#4c8dff",
    agent_edge="#ffffff",
    good="#4cc38a",
    low="#e9a23b",
    critical="#f2706b",
    affordances=(
        "#f2b84b", "#5ccfa0", "#f28a80", "#b99cf5", "#58c8de", "#e88bc4",
        "#a5cf5a", "#f0995a", "#8fa6f5", "#d6c463", "#6fbf73", "#cfa58a",
    ),
    agents=(
        "#6e9eef", "#98bffe", "#5685d4", "#de844f", "#fea572", "#c36c36",
        "#51b67a", "#72d699", "#349d62", "#cb7fc5", "#ed9ee5", "#b167ab",
        "#1db2c0", "#2ad5e5", "#0698a4", "#b89d2b", "#d8bd51", "#9e840a",
        "#a58de6", "#c3b0fd", "#8c74cc", "#e47b7c", "#fda1a0", "#c86265",
    ),
    markers={
        "low_meter": "#f2706b", "affordance": "#4cc38a", "unsure": "#c79bf2", "best_reward": "#f2b84b",
        "gap": "#e9a23b", "end": "#e6eaf0", "annotation": "#58c8de",
        "died": "#f2706b", "joined": "#4cc38a", "left": "#9aa7b8",
    },
)  # fmt: skip
LIGHT = Colors(
    ground="#f8fafc",
    grid="#e1e6ed",
    trail="#9db9ef",
    agent="#2f6fe4",
    agent_edge="#ffffff",
    good="#127447",
    low="#a15c00",
    critical="#c23530",
    affordances=(
        "#b57a00", "#0f8a5f", "#cc4a3d", "#7a52d1", "#0c86a0", "#bb3f88",
        "#5c8a0a", "#c2600f", "#4a63cf", "#8f7a08", "#2d8435", "#8a5a3c",
    ),
    agents=(
        "#2e5ba6", "#123e86", "#4573c0", "#934404", "#6b2f01", "#af5a21",
        "#0b703f", "#07502c", "#1a8a51", "#853e80", "#662162", "#9e5598",
        "#086a73", "#0d4b51", "#04848f", "#6e5c09", "#4f4105", "#897311",
        "#644b9e", "#492e7f", "#7b62b8", "#99383e", "#791824", "#b45054",
    ),
    markers={
        "low_meter": "#c23530", "affordance": "#157f4f", "unsure": "#7c3fbf", "best_reward": "#8f6400",
        "gap": "#a15c00", "end": "#17202c", "annotation": "#0c7f98",
        "died": "#c23530", "joined": "#127447", "left": "#5a6675",
    },
)  # fmt: skip


def _star(n_corners: int, inner: float = 1.0, turn: float = 0.0) -> tuple[tuple[float, float], ...]:
    """Corners of a regular polygon, or of a star with inner radius ``inner``; the first corner points up."""
    n_points = n_corners * (2 if inner < 1 else 1)
    points = []
    for i in range(n_points):
        angle = 2 * math.pi * (i / n_points + turn / n_corners)
        reach = inner if inner < 1 and i % 2 else 1.0
        points.append((round(reach * math.sin(angle), 4), round(-reach * math.cos(angle), 4)))
    return tuple(points)


AFFORDANCE_SHAPES = (
    _star(4, turn=0.5),
    _star(3),
    _star(4),
    _star(6),
    _star(5, inner=0.5),
    _star(8, turn=0.5),
    _star(5),
    _star(4, inner=0.42),
    _star(3, turn=0.5),
    _star(6, inner=0.6),
    _star(3, inner=0.3),
    _star(4, inner=0.75, turn=0.5),
)
"""Corners ``(x, y)`` within the unit circle, y down. The circle itself is the agent's shape."""


def kind_of(name: str) -> str:
    """What an affordance is, without its number: ``hole`` for ``hole 3``."""
    kind, space, number = name.rpartition(" ")
    return kind if space and number.isdecimal() else name


def number_affordances(names: Iterable[str]) -> dict[str, int]:
    """A number for each affordance, which selects its colour and shape; those of a kind have the same.

    It is a hash of the kind, so that an affordance looks the same in all episodes of a run. Kinds with the same hash
    get the next free numbers, in alphabetical order.
    """
    names = list(names)
    numbers = _numbers(set(map(kind_of, names)))
    return {name: numbers[kind_of(name)] for name in names}


def _numbers(kinds: Iterable[str]) -> dict[str, int]:
    n_colors = len(DARK.affordances)
    numbers: dict[str, int] = {}
    taken: set[int] = set()
    for name in sorted(kinds):
        wanted = zlib.crc32(name.encode("utf-8", "surrogatepass")) % n_colors
        turn = len(taken) // n_colors * n_colors
        number = next(
            turn + (wanted + i) % n_colors for i in range(n_colors) if turn + (wanted + i) % n_colors not in taken
        )
        taken.add(number)
        numbers[name] = number
    return numbers
