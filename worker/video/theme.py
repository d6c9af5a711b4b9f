"""The two looks: every colour of a video by its role. Nothing else names a colour."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.video.codecs import check_one_of
from recorder.video.options import STYLES

__all__ = ["THEMES", "Color", "Theme", "find_theme"]

Color = tuple[int, int, int]


def _color(code: str) -> Color:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _colors(codes: str) -> tuple[Color, ...]:
    return tuple(_color(code) for code in codes.split())


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``(red, green, blue)``, 0 to 255.

    Args:
        page: behind everything; panel: the plates on it; well: hollows in a plate, such as the track of a bar.
        line: borders and grid lines; ink: text; muted: text of second rank.
        accent: the chosen, the current, the agent; quiet: the others.
        good, low, empty: a meter well filled, getting low, near empty.
        series: colours for affordances and meters, told apart by eye, also by people who are blind to red and green.
    """

    name: str
    page: Color
    panel: Color
    well: Color
    line: Color
    ink: Color
    muted: Color
    accent: Color
    on_accent: Color
    quiet: Color
    good: Color
    low: Color
    empty: Color
    day: Color
    night: Color
    series: tuple[Color, ...]


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
        on_accent=_color("1a1405"),
        quiet=_color("5b7aa8"),
        good=_color("3fb68b"),
        low=_color("f0913a"),
        empty=_color("f0524f"),
        day=_color("8ec5ff"),
        night=_color("39456b"),
        series=_colors("4ea8ff ff8fab 5fd08b c79bff ffb454 4fd6d6 f4735e b5cf5a 9fb4ff e59ad9 d9b38c 7fdca4"),
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
        on_accent=_color("ffffff"),
        quiet=_color("7f9cc7"),
        good=_color("2b9a6f"),
        low=_color("d97a06"),
        empty=_color("cf2b2b"),
        day=_color("5aa9f0"),
        night=_color("3b4a7a"),
        series=_colors("1f6fd1 c2255c 2f8f4e 7b45c9 b86e00 0b8a8f c0392b 6b8316 4c5fd0 a8399a 8a6038 1f9d6b"),
    ),
}


def find_theme(name: str) -> Theme:
    """The theme of this name.

    Raises:
        UsageError: there is none.
    """
    check_one_of("style", name, STYLES)
    return THEMES[name]
