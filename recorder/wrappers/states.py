"""The states of a simulator: read with each step, and set again to draw an episode that can't be played again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recorder.episode_file import Episode
from recorder.errors import UsageError
from recorder.wrappers.frames import RENDER, picture_of
from recorder.wrappers.open_episode import reset_entry

__all__ = ["Restoration", "States"]

_STATE = "state"
"""The name among the extras; of a state with parts the beginning of each name."""


class States:
    """Reads and sets the state of one environment.

    Of Gymnasium's MuJoCo environments that is ``qpos`` and ``qvel``. Another environment has ``get_state()``, which gives an
    array or a map of arrays, and ``set_state(state)``, which takes the same.

    Args:
        env: the environment.

    Raises:
        UsageError: its state can't be read and set.
    """

    def __init__(self, env: Any) -> None:
        inner = env.unwrapped
        self._set: Callable[..., Any] | None = getattr(inner, "set_state", None)
        self._get: Callable[[], Any] | None = getattr(inner, "get_state", None)
        self._inner = inner
        self._is_mujoco = all(hasattr(getattr(inner, "data", None), name) for name in ("qpos", "qvel"))
        if not callable(self._set) or not (self._is_mujoco or callable(self._get)):
            raise UsageError(
                f"states: {type(inner).__name__} has no state to record: it is none of Gymnasium's MuJoCo environments, and it "
                "lacks get_state() or set_state()"
            )

    def read(self) -> dict[str, NDArray[Any]]:
        """The state as extras of a step."""
        if self._is_mujoco:
            data = self._inner.data
            return {f"{_STATE}.qpos": data.qpos.copy(), f"{_STATE}.qvel": data.qvel.copy()}
        found = self._get() if self._get is not None else {}
        parts = (
            {f"{_STATE}.{name}": part for name, part in found.items()}
            if isinstance(found, Mapping)
            else {_STATE: found}
        )
        return {name: np.array(part) for name, part in parts.items()}

    def write(self, extras: Mapping[str, Any]) -> None:
        """Set the state that is among the extras of a step.

        Raises:
            UsageError: there is none, or it is none of this environment.
        """
        prefix = f"{_STATE}."
        parts = {name.removeprefix(prefix): extras[name] for name in extras if name.startswith(prefix)}
        if not parts and _STATE not in extras:
            raise UsageError("no states were recorded: record with RecordEpisode(env, …, states=True)")
        try:
            if self._is_mujoco:
                self._set_state(np.asarray(parts["qpos"], np.float64), np.asarray(parts["qvel"], np.float64))
            else:
                self._set_state(extras.get(_STATE, parts))
        except Exception as error:
            raise UsageError(f"the recorded state is none of this environment: {error!r:.200}") from error

    def _set_state(self, *values: Any) -> None:
        if self._set is not None:
            self._set(*values)


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
            if name.startswith(reset_entry(_STATE))
        }
        self._show(first or self._episode.step(0).extras)

    def step(self) -> None:
        """Set the state of the next step, of ``n_steps``.

        Raises:
            UsageError: it has none, or one of another environment.
        """
        extras = self._episode.step(self._n_shown).extras
        self._n_shown += 1
        self._show(extras)
        recorded = extras.get(RENDER)
        if recorded is not None:
            drawn = self.picture()
            if drawn.shape == np.shape(recorded):
                self.n_compared += 1
                difference = np.abs(drawn.astype(np.float64) - np.asarray(recorded, np.float64)).mean()
                self.difference = max(self.difference, float(difference))

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

    def _show(self, extras: Mapping[str, Any]) -> None:
        self._picture = None
        self._states.write(extras)
