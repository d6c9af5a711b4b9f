"""The boards of small known worlds, of one environment or of the lanes of a vector of them."""

from recorder.wrappers.boards.known_worlds import Board, board_of
from recorder.wrappers.boards.lane_boards import LaneBoards, boards_of

__all__ = ["Board", "LaneBoards", "board_of", "boards_of"]
