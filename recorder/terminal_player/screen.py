"""Puts a step together as the lines of a terminal, with the line of time at the foot."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from recorder.outline import Marker
from recorder.outline.looks import DARK, MARKER_WORDS
from recorder.outline.markers import KINDS
from recorder.terminal_player.board import draw_board
from recorder.terminal_player.film import Film
from recorder.terminal_player.panels import draw_panels
from recorder.terminal_player.playback import Playback
from recorder.values.number_format import format_count

__all__ = ["HELP", "draw", "draw_timeline"]

_PANEL_WIDTH = 36
_FOOT_HEIGHT = 4
_HELP_HINT = "space play · ←→ seek · , . step · j l speed · b m markers · ? help · q quit"

HELP = """\
space k     play or pause
← →         one step back or forward; 5 seconds while playing
, .         pause, and step back or forward
shift ← →   10% back or forward
0 … 9       go to 0% … 90%
home end    go to the start or the end
b m         previous or next marker
[ ]         of several agents the previous or next one; else a marker
j l         slower or faster
s           skip dull spans
q           quit"""


def draw(film: Film, playback: Playback, width: int, height: int) -> list[Text]:
    """The lines of a terminal of this size, at most ``height`` of at most ``width`` columns.

    The board comes first. Panels stand beside it if there is room, else below.
    """
    if playback.shows_help:
        return [Text(line) for line in HELP.splitlines()][:height]
    moment = film.at(playback.index, playback.agent)
    state = "▶" if playback.is_playing else "⏸"
    count = f"step {format_count(moment.number)} / {format_count(int(film.columns.step_numbers[-1]))}"
    head = Text.assemble(
        (film.title, "bold"),
        f"  {count}  {state} {playback.speed:g}x{' · skips dull spans' if playback.skips_dull else ''}",
    )
    room = height - 1 - _FOOT_HEIGHT
    panels = draw_panels(film.outline, moment)
    is_beside = width >= 2 * _PANEL_WIDTH
    board = draw_board(film.outline, moment, width - _PANEL_WIDTH - 2 if is_beside else width, room)
    body = _beside(board, panels) if board and is_beside else [*board, *panels]
    body = body[:room] + [Text()] * (room - len(body))
    foot = [*draw_timeline(film.markers, moment.index, film.n_steps, width), Text(_HELP_HINT, "bright_black")]
    lines = [head, *body, *foot][-height:] if height > _FOOT_HEIGHT else [head, *body][:height]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _beside(left: list[Text], right: list[Text]) -> list[Text]:
    width = max(line.cell_len for line in left)
    rows = max(len(left), len(right))
    lines = []
    for number in range(rows):
        line = left[number].copy() if number < len(left) else Text()
        line.pad_right(width + 2 - line.cell_len)
        lines.append(line.append_text(right[number]) if number < len(right) else line)
    return lines


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
