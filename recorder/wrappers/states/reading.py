"""The states of simulators: read with each step, of one environment or of all lanes, and set again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError

__all__ = ["CAMERA", "STATE", "LaneStates", "States"]

CAMERA = "camera"
"""Where in an episode's ``info`` it says from where its pictures were taken."""

STATE = "state"
"""The name among the extras; of a state with parts the beginning of each name."""


_QPOS, _QVEL = f"{STATE}.qpos", f"{STATE}.qvel"


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
        return {name: part.copy() for name, part in self.look().items()}

    def look(self) -> dict[str, NDArray[Any]]:
        """The same, in arrays that the next step may change."""
        if self._is_mujoco:
            data = self._inner.data
            return {_QPOS: data.qpos, _QVEL: data.qvel}
        found = self._get() if self._get is not None else {}
        parts = (
            {f"{STATE}.{name}": part for name, part in found.items()} if isinstance(found, Mapping) else {STATE: found}
        )
        return {name: np.asarray(part) for name, part in parts.items()}

    def write(self, extras: Mapping[str, Any]) -> None:
        """Set the state that is among the extras of a step.

        Raises:
            UsageError: there is none, or it is none of this environment.
        """
        prefix = f"{STATE}."
        parts = {name.removeprefix(prefix): extras[name] for name in extras if name.startswith(prefix)}
        if not parts and STATE not in extras:
            raise UsageError("no states were recorded: record with RecordEpisode(env, …, states=True)")
        try:
            if self._is_mujoco:
                self._set_state(np.asarray(parts["qpos"], np.float64), np.asarray(parts["qvel"], np.float64))
            else:
                self._set_state(extras.get(STATE, parts))
        except Exception as error:
            raise UsageError(f"the recorded state is none of this environment: {error!r:.200}") from error

    def camera(self) -> dict[str, list[float]]:
        """Where MuJoCo's viewer looks from, as an entry of an episode's ``info``: the first picture has placed its camera."""
        camera = self._camera()
        if camera is None:
            return {}
        return {CAMERA: [*camera.lookat.tolist(), camera.distance, camera.azimuth, camera.elevation]}

    def place_camera(self, placed: Sequence[float]) -> None:
        """Look from there; the environment has drawn a picture."""
        camera = self._camera()
        if camera is not None:
            camera.lookat[:] = placed[:3]
            camera.distance, camera.azimuth, camera.elevation = placed[3:]

    def _camera(self) -> Any:
        viewer = getattr(getattr(self._inner, "mujoco_renderer", None), "viewer", None)
        return getattr(viewer, "cam", None)

    def _set_state(self, *values: Any) -> None:
        if self._set is not None:
            self._set(*values)


class LaneStates:
    """Reads the states of all lanes of a vector environment in this process.

    Args:
        envs: of the lanes; None if they are in other processes. Where lanes are reset at once, the list gets environments that
            read the last state first.
        resets_at_once: whether the call that ends an episode also resets its lane.

    Raises:
        UsageError: the states can't be read.
    """

    def __init__(self, envs: Any, *, resets_at_once: bool) -> None:
        if envs is None:
            raise UsageError(
                "states: the lanes of this vector environment are not in this process, so their states can't be read with "
                "each step: use SyncVectorEnv or DummyVecEnv, or record pictures (frames='render')"
            )
        self._lanes = [States(env) for env in envs]
        self._last = [_with_last_state(envs, place) for place in range(len(envs))] if resets_at_once else []
        self._all: dict[str, NDArray[Any]] = {}
        """Of the last call; the recorder copies them."""
        self._rows: list[dict[str, NDArray[Any]]] = [{} for _ in self._lanes]
        """Each lane's part of them."""

    def read(self, ended: Sequence[int] = ()) -> Mapping[str, NDArray[Any]]:
        """The states as extras of a step of all lanes.

        Args:
            ended: lanes that have been reset since their step.
        """
        for place, (lane, rows) in enumerate(zip(self._lanes, self._rows, strict=True)):
            state = self._last[place].last_state() if place in ended else lane.look()
            for name, part in state.items():
                row = rows.get(name)
                if row is None or row.shape != part.shape or row.dtype != part.dtype:
                    row = self._make_rows(name, part)[place]
                row[...] = part
        return self._all

    def _make_rows(self, name: str, part: NDArray[Any]) -> NDArray[Any]:
        found = self._all[name] = np.zeros((len(self._lanes), *part.shape), part.dtype)
        for place, rows in enumerate(self._rows):
            rows[name] = found[place : place + 1].reshape(part.shape)
        return found


class _LastState(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Reads the state of an environment before a reset changes it."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._states = States(env)
        self._found: dict[str, NDArray[Any]] = {}
        self._error: Exception | None = None

    @property
    def spec(self) -> Any:  # type: ignore[override]
        """Of the environment: one that is made from it does not have this wrapper."""
        return self.env.spec

    def reset(self, **options: Any) -> Any:
        """Reset the environment; whatever goes wrong with its state, training goes on."""
        try:
            self._found, self._error = self._states.read(), None
        except Exception as error:  # noqa: BLE001 - whatever an environment raises: said when the state is asked for
            self._error = error
        return self.env.reset(**options)

    def last_state(self) -> dict[str, NDArray[Any]]:
        """Of the episode before."""
        if self._error is not None:
            raise self._error
        return self._found


def _with_last_state(envs: Any, place: int) -> _LastState:
    """Put what reads the last state around the innermost environment of a lane, whose reset is a real one."""
    outer, env = None, envs[place]
    while isinstance(env, gymnasium.Wrapper) and not isinstance(env, _LastState):
        outer, env = env, env.env
    if isinstance(env, _LastState):
        return env
    watched = _LastState(env)
    if outer is None:
        envs[place] = watched
    else:
        outer.env = watched
    return watched
