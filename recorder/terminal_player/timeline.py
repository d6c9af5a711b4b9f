"""Draws the line of time: markers above, the part that was played below."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from recorder.outline import Marker
from recorder.outline.looks import DARK, MARKER_WORDS
from recorder.outline.markers import KINDS

__all__ = ["draw_timeline"]

_CAPTION_STEPS = 12
"""How many steps a marker's label stays."""


def draw_timeline(markers: Sequence[Marker], index: int, n_steps: int, width: int) -> list[Text]:
    """A line of signs, a line of time, and the label of what has just happened."""
    signs: dict[int, str] = {}
    for kind in reversed(KINDS):  # the most important one stays
        signs.update(
            {marker.index * (width - 1) // max(n_steps - 1, 1): kind for marker in markers if marker.kind == kind}
        )
    above = Text()
    for column in range(width):
        found = signs.get(column)
        above.append(MARKER_WORDS[found].sign if found else " ", DARK.markers[found] if found else "")
    head = index * (width - 1) // max(n_steps - 1, 1)
    line = Text.assemble((f"{'━' * head}●", DARK.agent), ("─" * (width - 1 - head), "bright_black"))
    return [above, line, _caption(markers, index)]


def _caption(markers: Sequence[Marker], index: int) -> Text:
    recent = [marker for marker in markers if index - _CAPTION_STEPS < marker.index <= index]
    if not recent:
        return Text()
    last = recent[-1]
    label = "".join(letter if letter.isprintable() else "?" for letter in last.label)
    return Text(f"{MARKER_WORDS[last.kind].sign} {label}", DARK.markers[last.kind])
