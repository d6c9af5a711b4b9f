"""Reading a batch block on the publisher's thread: which rows of which lane belong to which episode.

Rows are looked at together; a lane is only touched when its episode changes, its steps jump, or someone asks for what
it has.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recorder.capture.batch_block import BatchBlock
from recorder.capture.builder import Span

__all__ = ["BlockCursor"]


class BlockCursor:
    """How far one block has been read, lane by lane.

    Args:
        block: the block; its first row is complete.
    """

    def __init__(self, block: BatchBlock) -> None:
        self.block = block
        self.n_rows = 0
        self._starts = np.zeros(len(block.lanes), np.int64)
        self._episodes = block.episode_ids[0].copy()
        self._first_steps = block.steps[0].copy()
        """Step number that row 0 would have, for the lane's steps to follow each other."""

    def advance(self, n_rows: int) -> Iterator[tuple[int, Span]]:
        """Look at the rows up to ``n_rows``, at least one; gives ``(episode_id, span)`` for stretches that have ended."""
        self.block.turn(n_rows)
        episodes = self.block.episode_ids[self.n_rows : n_rows]
        first_steps = self.block.steps[self.n_rows : n_rows] - np.arange(self.n_rows, n_rows)[:, None]
        changed = np.empty(episodes.shape, np.bool_)
        changed[0] = (episodes[0] != self._episodes) | (first_steps[0] != self._first_steps)
        changed[1:] = (episodes[1:] != episodes[:-1]) | (first_steps[1:] != first_steps[:-1])
        for index, place in np.argwhere(changed).tolist():
            start, row = int(self._starts[place]), self.n_rows + index
            if row > start:
                yield int(self._episodes[place]), Span(self.block, place, start, row)
            self._starts[place] = row
            self._episodes[place] = episodes[index, place]
            self._first_steps[place] = first_steps[index, place]
        self.n_rows = n_rows

    def settle(self) -> Iterator[tuple[int, Span]]:
        """What every lane has, up to the last row seen."""
        for place in range(len(self._starts)):
            yield from self._settle_place(place)

    def settle_episode(self, episode_id: int) -> Iterator[tuple[int, Span]]:
        """What the lanes that play this episode have."""
        for place in np.flatnonzero(self._episodes == episode_id):
            yield from self._settle_place(int(place))

    def _settle_place(self, place: int) -> Iterator[tuple[int, Span]]:
        start = int(self._starts[place])
        if start < self.n_rows:
            self._starts[place] = self.n_rows
            yield int(self._episodes[place]), Span(self.block, place, start, self.n_rows)
