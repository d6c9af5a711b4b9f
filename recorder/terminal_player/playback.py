"""Which step is shown: time and keys move it."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["STEPS_PER_SEC", "Playback"]

STEPS_PER_SEC = 5.0
"""At speed 1, as on the page."""

_SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 128.0)
_ARROW_SECS = 5.0


class Playback:
    """The state of a player.

    Args:
        n_steps: steps of the episode, at least 1.
        markers: indexes of the interesting steps, in order.
        dull: spans ``[start, stop)`` of indexes in which nothing happens.
        index: first step to show.
        speed: multiplies ``STEPS_PER_SEC``.
        n_agents: of an episode of several; 0 for one.
        agent: place of the one that is shown first.
    """

    def __init__(
        self,
        n_steps: int,
        markers: Sequence[int] = (),
        dull: Sequence[tuple[int, int]] = (),
        *,
        index: int = 0,
        speed: float = 1.0,
        n_agents: int = 0,
        agent: int = 0,
    ) -> None:
        self.n_steps = n_steps
        self.speed = speed
        self.is_playing = True
        self.is_over = False
        """The reader wants to leave."""
        self.shows_help = False
        self.skips_dull = False
        self.agent = agent
        """Place of the agent that is shown."""
        self._n_agents = n_agents
        self._markers = markers
        self._dull = dull
        self._at = float(min(max(index, 0), n_steps - 1))

    @property
    def index(self) -> int:
        """Index of the step that is shown."""
        return int(self._at)

    def advance(self, secs: float) -> None:
        """Let time pass; playing stops at the last step."""
        if self.is_playing:
            self._at = min(self._at + secs * self.speed * STEPS_PER_SEC, self.n_steps - 1)
            if self.skips_dull:
                stops = [stop for start, stop in self._dull if start <= self._at < stop]
                self._at = float(min(max(stops, default=self._at), self.n_steps - 1))
            self.is_playing = self._at < self.n_steps - 1

    def press(self, key: str) -> None:
        """Do what a key says; unknown keys do nothing.

        Args:
            key: a character, or the name of a key, such as ``left``.
        """
        if self.shows_help:
            self.shows_help = False
            return
        if key in (" ", "k"):
            self._toggle()
        elif key in ("left", "right"):
            steps = _ARROW_SECS * self.speed * STEPS_PER_SEC if self.is_playing else 1.0
            self._seek(self._at + (steps if key == "right" else -steps))
        elif key in (",", "."):
            self.is_playing = False
            self._seek(self.index + (1 if key == "." else -1))
        elif key in ("shift-left", "shift-right"):
            self._seek(self._at + (0.1 if key == "shift-right" else -0.1) * self.n_steps)
        elif key in ("j", "l", "<", ">"):
            self._change_speed(1 if key in ("l", ">") else -1)
        elif key in ("home", "end"):
            self._seek(0 if key == "home" else self.n_steps - 1)
        elif key.isdecimal() and len(key) == 1:
            self._seek(int(key) / 10 * self.n_steps)
        elif key in ("[", "]") and self._n_agents:
            self.agent = (self.agent + (1 if key == "]" else -1)) % self._n_agents
        elif key in ("[", "b", "]", "m"):
            self._to_marker(forward=key in ("]", "m"))
        elif key == "s":
            self.skips_dull = not self.skips_dull
        elif key == "?":
            self.shows_help = True
        elif key in ("q", "escape"):
            self.is_over = True

    def _toggle(self) -> None:
        if not self.is_playing and self.index == self.n_steps - 1:
            self._at = 0.0
        self.is_playing = not self.is_playing

    def _seek(self, index: float) -> None:
        self._at = float(min(max(index, 0), self.n_steps - 1))

    def _change_speed(self, direction: int) -> None:
        ranked = sorted(_SPEEDS, reverse=direction < 0)
        self.speed = next((speed for speed in ranked if (speed - self.speed) * direction > 0), self.speed)

    def _to_marker(self, *, forward: bool) -> None:
        if forward:
            found = [index for index in self._markers if index > self.index][:1]
        else:
            found = [index for index in self._markers if index < self.index][-1:]
        if found:
            self._seek(found[0])
