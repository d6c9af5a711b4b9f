"""The dark and the light theme: all colours of a video by their role. No other module names a colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from recorder.outline.looks import DARK, LIGHT, Colors
from recorder.video.codecs import check_one_of
from recorder.video.options import STYLES

__all__ = ["THEMES", "Color", "Theme", "find_theme"]

Color = tuple[int, int, int]


class Shared(TypedDict):
    """Fields of a theme that come from the shared table of looks."""

    agent: Color
    on_agent: Color
    good: Color
    low: Color
    empty: Color
    series: tuple[Color, ...]
    agents: tuple[Color, ...]


def _color(code: str) -> Color:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _shared(colors: Colors) -> Shared:
    """Return the colours that mean the same on the page."""
    return {
        "agent": _color(colors.agent[1:]),
        "on_agent": _color(colors.agent_edge[1:]),
        "good": _color(colors.good[1:]),
        "low": _color(colors.low[1:]),
        "empty": _color(colors.critical[1:]),
        "series": tuple(_color(color[1:]) for color in colors.affordances),
        "agents": tuple(_color(color[1:]) for color in colors.agents),
    }


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``(red, green, blue)``, 0 to 255.

    Args:
        page: the background.
        panel: plates on the background.
        well: hollows in a plate, such as the track of a bar.
        line: borders and grid lines.
        ink: text.
        muted: secondary text.
        accent: the chosen or current one.
        quiet: the others.
        agent: the agent and its trail.
        on_agent: what is drawn on the agent.
        good: a well filled meter.
        low: a low meter.
        empty: a nearly empty meter.
        series: colours of affordances and meters, distinguishable with red-green colour blindness too.
        agents: of several agents, by their numbers.
    """

    name: str
    page: Color
    panel: Color
    well: Color
    line: Color
    ink: Color
    muted: Color
    accent: Color
    agent: Color
    on_agent: Color
    quiet: Color
    good: Color
    low: Color
    empty: Color
    day: Color
    night: Color
    series: tuple[Color, ...]
    agents: tuple[Color, ...]


THEMES = {
    "dark": Theme(
        name="dark",
        page=_color("0d1117"),
        panel=_color("161c26"),
        well=_color("232b38"),
        line=_color("2c3645"),
        ink=_color("f0f4fa"),
        muted=_color("93a1b5"),
        accent=_color("ffc53d"),
        quiet=_color("5b7aa8"),
        day=_color("8ec5ff"),
        night=_color("39456b"),
        **_shared(DARK),
    ),
    "light": Theme(
        name="light",
        page=_color("eef1f5"),
        panel=_color("ffffff"),
        well=_color("e3e8ef"),
        line=_color("d3dae4"),
        ink=_color("141a24"),
        muted=_color("5a6679"),
        accent=_color("d9480f"),
        quiet=_color("7f9cc7"),
        day=_color("5aa9f0"),
        night=_color("3b4a7a"),
        **_shared(LIGHT),
    ),
}


def find_theme(name: str) -> Theme:
    """Return the theme of this name.

    Raises:
        UsageError: there is none.
    """
    check_one_of("style", name, STYLES)
    return THEMES[name]
