"""Puts a step together as the lines of a terminal."""

from __future__ import annotations

from rich.text import Text

from recorder.terminal_player.board import draw_board
from recorder.terminal_player.film import Film
from recorder.terminal_player.panels import draw_panels
from recorder.terminal_player.playback import Playback
from recorder.terminal_player.timeline import draw_timeline
from recorder.values.number_format import format_count

__all__ = ["HELP", "draw"]

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
