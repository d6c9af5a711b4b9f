"""The boards of small known worlds: their size, what stands where, and where the agent is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["Board", "Cell", "board_of"]

Cell = tuple[int, int]
"""Column and row, from 0 at the top left."""

_MAX_PLACES = 1024
"""Places on one board; a larger one has none."""


class Board(ABC):
    """The board of one environment, read anew with each of its episodes.

    Args:
        inner: the environment without its wrappers.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._metadata: dict[str, Any] = {}

    def begin(self) -> None:
        """Read the board of the episode that has just begun: later the agent may carry something away."""
        width, height = self._size()
        places = numbered(self._places())
        self._metadata = {
            "substrate": ["grid", 2, width, height],
            "affordance_layout": places if len(places) <= _MAX_PLACES else {},
        }

    def metadata(self) -> Mapping[str, Any]:
        """Of the episode: ``substrate`` and ``affordance_layout``, by the names of ``EpisodeMetadata``."""
        return self._metadata

    @abstractmethod
    def position(self) -> Cell:
        """Where the agent is now."""

    @abstractmethod
    def look(self) -> None:
        """Remember what ``last_position`` needs of the state before the next step."""

    @abstractmethod
    def last_position(self, action: Any, observation: Any) -> Cell | None:
        """Where the agent was at the end of an episode, if the environment has been reset since; None if that is unknown.

        Args:
            action: the last one.
            observation: what it led to.
        """

    @abstractmethod
    def _size(self) -> Cell:
        """Columns and rows."""

    @abstractmethod
    def _places(self) -> Iterable[tuple[str, Cell]]:
        """What stands where, by its kind."""


def numbered(places: Iterable[tuple[str, Cell]]) -> dict[str, list[int]]:
    """Places by name: ``goal`` where there is one of its kind, else ``hole 1``, ``hole 2``, …"""
    listed = list(places)
    n_of_kind = Counter(kind for kind, _ in listed)
    n_named: Counter[str] = Counter()
    named = {}
    for kind, cell in listed:
        n_named[kind] += 1
        named[kind if n_of_kind[kind] == 1 else f"{kind} {n_named[kind]}"] = [int(place) for place in cell]
    return named


class _ToyText(Board):
    """Source: Gymnasium, ``toy_text``: the state ``s`` is a number, and the observation is the state."""

    def position(self) -> Cell:
        return self._cell(int(self._inner.s))

    def look(self) -> None:
        pass

    def last_position(self, action: Any, observation: Any) -> Cell | None:  # noqa: ARG002 - the observation tells all
        state = np.asarray(observation)
        if state.size != 1 or state.dtype.kind not in "iu" or state.item() not in self._inner.observation_space:
            return None  # a wrapper has changed it
        return self._cell(int(state.item()))

    @abstractmethod
    def _cell(self, state: int) -> Cell:
        """Where the agent is in a state."""


class _FrozenLake(_ToyText):
    """Source: Gymnasium, ``FrozenLakeEnv``: ``desc`` has a letter for each cell, ``s`` is row times columns plus column."""

    _KINDS: Mapping[bytes, str] = {b"S": "start", b"H": "hole", b"G": "goal"}

    def _size(self) -> Cell:
        n_rows, n_columns = self._inner.desc.shape
        return n_columns, n_rows

    def _places(self) -> Iterable[tuple[str, Cell]]:
        for (row, column), letter in np.ndenumerate(self._inner.desc):
            if letter in self._KINDS:
                yield self._KINDS[letter], (column, row)

    def _cell(self, state: int) -> Cell:
        row, column = divmod(state, self._inner.desc.shape[1])
        return column, row


class _CliffWalking(_ToyText):
    """Source: Gymnasium, ``CliffWalkingEnv``: a start at the bottom left, a goal at the bottom right, the cliff between them."""

    def _size(self) -> Cell:
        n_rows, n_columns = self._inner.shape
        return n_columns, n_rows

    def _places(self) -> Iterable[tuple[str, Cell]]:
        n_columns, n_rows = self._size()
        yield "start", (0, n_rows - 1)
        yield "goal", (n_columns - 1, n_rows - 1)
        for column in range(1, n_columns - 1):
            yield "cliff", (column, n_rows - 1)

    def _cell(self, state: int) -> Cell:
        row, column = divmod(state, self._inner.shape[1])
        return column, row


class _Taxi(_ToyText):
    """Source: Gymnasium, ``TaxiEnv``: ``decode`` gives row, column, the passenger's place and destination of a state."""

    _COLORS = ("red", "green", "yellow", "blue")

    def _size(self) -> Cell:
        return 5, 5

    def _places(self) -> Iterable[tuple[str, Cell]]:
        _, _, passenger, destination = self._inner.decode(self._inner.s)
        for number, (row, column) in enumerate(self._inner.locs):
            roles = [role for role, at in (("passenger", passenger), ("destination", destination)) if at == number]
            yield roles[0] if roles else self._COLORS[number], (column, row)

    def _cell(self, state: int) -> Cell:
        row, column, _, _ = self._inner.decode(state)
        return int(column), int(row)


class _MiniGrid(Board):
    """Source: MiniGrid, ``MiniGridEnv``: ``grid.get(column, row)`` is an object with ``type`` and ``color``, or None."""

    _COLORED = ("ball", "box", "door", "key")

    def _size(self) -> Cell:
        return self._inner.width, self._inner.height

    def _places(self) -> Iterable[tuple[str, Cell]]:
        n_columns, n_rows = self._size()
        for row in range(n_rows):
            for column in range(n_columns):
                one = self._inner.grid.get(column, row)
                if one is not None:
                    yield f"{one.color} {one.type}" if one.type in self._COLORED else str(one.type), (column, row)

    def position(self) -> Cell:
        column, row = self._inner.agent_pos
        return int(column), int(row)

    def look(self) -> None:
        column, row = self._inner.front_pos
        one = self._inner.grid.get(column, row)
        here = self.position()
        self._after_forward = (int(column), int(row)) if one is None or one.can_overlap() else here
        self._here = here

    def last_position(self, action: Any, observation: Any) -> Cell | None:  # noqa: ARG002 - it does not tell the place
        return self._after_forward if int(action) == int(self._inner.actions.forward) else self._here


_BOARDS: Mapping[str, type[Board]] = {
    "CliffWalkingEnv": _CliffWalking,
    "FrozenLakeEnv": _FrozenLake,
    "MiniGridEnv": _MiniGrid,
    "TaxiEnv": _Taxi,
}
"""By class of the environment."""


def board_of(env: Any) -> Board | None:
    """The board of an environment, by its class or one that it derives from; None for a world that nobody has described."""
    inner = getattr(env, "unwrapped", env)
    return next((_BOARDS[kind.__name__](inner) for kind in type(inner).__mro__ if kind.__name__ in _BOARDS), None)
