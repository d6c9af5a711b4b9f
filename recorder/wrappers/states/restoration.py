"""Draws an episode that can't be played again from the states that were recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.schema import EXTRAS_PREFIX
from recorder.wrappers.environment.frames import RENDER, picture_of
from recorder.wrappers.episodes.open_episode import reset_entry
from recorder.wrappers.states.reading import CAMERA, STATE, States

__all__ = ["Restoration"]

_N_CAMERA = 6
"""A point to look at, a distance, and two angles."""


class Restoration:
    """Shows an episode again, a step at a time, by setting the states that were recorded: no action is taken.

    It needs no seed, and goes on after missing steps. Where a step was recorded with a picture, both are compared.

    Args:
        episode: recorded with ``states=True``.
        env: of the kind that it was recorded in, with ``render_mode="rgb_array"``; the caller closes it.

    Raises:
        UsageError: the state of this environment can't be set.
    """

    def __init__(self, episode: Episode, env: Any) -> None:
        self._episode = episode
        self._env = env
        self._states = States(env)
        self._n_shown = 0
        self._picture: NDArray[Any] | None = None
        self.n_steps = episode.n_steps
        self.n_compared = 0
        """Pictures that were recorded and drawn, of one size."""
        self.difference = 0.0
        """The greatest mean difference of a picture's values, of 255, between what was recorded and what is drawn."""

    def begin(self) -> None:
        """Set the state that ``reset`` made, or that of the first step if the former is unknown."""
        self._n_shown, self.n_compared, self.difference = 0, 0, 0.0
        self._env.reset()
        info = self._episode.metadata.info
        first = {
            name.removeprefix(reset_entry("")): value
            for name, value in info.items()
            if name.startswith(reset_entry(STATE))
        }
        self._show(first or self._episode.step(0).extras)
        placed = info.get(CAMERA)
        if (
            isinstance(placed, list)
            and len(placed) == _N_CAMERA
            and all(isinstance(number, int | float) for number in placed)
        ):
            self.picture()  # which makes the viewer
            self._states.place_camera(placed)
            self._picture = None

    def step(self) -> None:
        """Set the state of the next step, of ``n_steps``.

        Raises:
            UsageError: it has none, or one of another environment.
        """
        index = self._n_shown
        self._n_shown += 1
        self._compare(self.show(index))

    def show(self, index: int) -> Mapping[str, Any]:
        """Set the state of any step; gives the step's extras.

        Raises:
            UsageError: it has none, or one of another environment.
        """
        extras = self._episode.step(index).extras
        self._show(extras)
        return extras

    def picture(self) -> NDArray[Any]:
        """What the environment shows of the state.

        Raises:
            UsageError: it can't draw itself.
        """
        if self._picture is None:
            try:
                self._picture = picture_of(self._env.render())
            except Exception as error:
                raise UsageError(f"the environment can't draw itself: {error}") from error
        return self._picture

    def run(self) -> None:
        """Show all steps."""
        self.begin()
        while self._n_shown < self.n_steps:
            self.step()

    def compare(self, most: int) -> None:
        """Compare up to so many of the recorded pictures, from the whole episode, with what is drawn."""
        name = f"{EXTRAS_PREFIX}{RENDER}"
        n_before = 0
        recorded: list[int] = []
        for chunk, rows in self._episode.chunks_between(0, self.n_steps):
            if name in chunk.names:
                recorded += (n_before + np.flatnonzero(chunk.present(name)[rows])).tolist()
            n_before += rows.stop - rows.start
        for place in np.unique(np.linspace(0, len(recorded) - 1, min(most, len(recorded)), dtype=int)).tolist():
            self._compare(self.show(recorded[place]))

    def comparison(self) -> str:
        """What was found of the pictures, as a sentence; empty if none was compared."""
        if not self.n_compared:
            return ""
        return (
            f"recorded pictures compared with the drawn ones: {self.n_compared}; the largest mean difference is "
            f"{self.difference:.2g} of 255"
        )

    def _compare(self, extras: Mapping[str, Any]) -> None:
        recorded = extras.get(RENDER)
        if recorded is None:
            return
        drawn = self.picture()
        if drawn.shape == np.shape(recorded):
            self.n_compared += 1
            difference = np.abs(drawn.astype(np.float64) - np.asarray(recorded, np.float64)).mean()
            self.difference = max(self.difference, float(difference))

    def _show(self, extras: Mapping[str, Any]) -> None:
        self._picture = None
        self._states.write(extras)
