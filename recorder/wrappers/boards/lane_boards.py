"""The boards of all lanes of a vector of known worlds that run in this process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recorder.wrappers.boards.known_worlds import Board, Cell, board_of

__all__ = ["LaneBoards", "boards_of"]

_NOTHING: Mapping[str, Any] = {}


class LaneBoards:
    """Gives positions to steps, and boards to episodes, where the trainer gives no positions.

    Args:
        boards: of each lane.
    """

    def __init__(self, boards: Sequence[Board]) -> None:
        self._boards = boards
        self._cells: list[Cell] = [(0, 0)] * len(boards)
        """Where each lane's agent was at last."""
        self._own: set[int] = set()
        """Lanes whose episode has positions of the trainer's own."""

    def begin(self, places: Iterable[int]) -> None:
        """Some lanes have just been reset."""
        for place in places:
            self._own.discard(place)
            board = self._boards[place]
            board.begin()
            board.look()
            self._cells[place] = board.position()

    def with_positions(
        self, added: Mapping[str, Any], *, actions: Any, last: Mapping[int, Any], closed: Iterable[int]
    ) -> Mapping[str, Any]:
        """What the trainer adds to a step, and the positions that the step led to.

        Args:
            actions: of all lanes.
            last: the last observations of those lanes that have been reset since.
            closed: lanes that play no episode.
        """
        if "position" in added:
            self._own.update(range(len(self._boards)))
        if self._own:
            return added
        for place in set(range(len(self._boards))).difference(closed):
            board = self._boards[place]
            if place not in last:
                self._cells[place] = board.position()
                board.look()
                continue
            cell = board.last_position(np.asarray(actions)[place], last[place])
            if cell is not None:  # else it stays where it was seen at last
                self._cells[place] = cell
        return {**added, "position": np.array(self._cells, np.int64)}

    def of_episode(self, place: int) -> Mapping[str, Any]:
        """Metadata of an episode that ends."""
        return _NOTHING if place in self._own else self._boards[place].metadata()


def boards_of(envs: Sequence[Any] | None) -> LaneBoards | None:
    """The boards of environments; None if one of them has none, or if they are in other processes."""
    boards = [board_of(env) for env in envs or ()]
    known = [board for board in boards if board is not None]
    return LaneBoards(known) if known and len(known) == len(boards) else None
