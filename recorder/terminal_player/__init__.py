"""Plays an episode in a terminal: board, meters, Q-values and timeline, with the page's keys.

``play_episode`` is the interface. ``film`` knows what to show at a step, ``playback`` which step it is, ``screen`` draws
it, ``keyboard`` reads keys.
"""

from recorder.terminal_player.film import Film
from recorder.terminal_player.playback import Playback
from recorder.terminal_player.screen import draw
from recorder.terminal_player.session import play_episode

__all__ = ["Film", "Playback", "draw", "play_episode"]
