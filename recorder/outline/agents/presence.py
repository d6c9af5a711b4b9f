"""When each agent takes part: spans of steps, and markers where agents join and leave."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recorder.outline.dull_spans import Span, at_most
from recorder.outline.markers import Marker

__all__ = ["MAX_SPANS", "Presence"]

MAX_SPANS = 64
"""Of an agent. If there are more, spans with the shortest breaks between them are joined."""


class Presence:
    """The spans of one agent.

    Args:
        name: of the agent, in its markers.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.first_index: float = np.inf
        """Of its first step."""
        self.spans: list[Span] = []
        """``[start, stop)`` in indexes."""
        self._longest_break = 0
        self._is_present = False
        self._has_terminated = False

    def add(self, first_index: int, present: NDArray[np.bool_], terminated: NDArray[np.bool_]) -> list[Marker]:
        """Add the next steps, ``bool[n]`` each.

        Returns:
            Markers: joined, unless with the first step; terminated; left without that.
        """
        found = []
        changes = np.flatnonzero(np.diff(present, prepend=self._is_present)).tolist()
        ended = np.flatnonzero(present & terminated)
        if len(ended) and not self._has_terminated:
            found.append(Marker(first_index + int(ended[0]), "died", f"{self._name} terminated", agent=self._name))
        for offset in changes:
            index = first_index + offset
            if present[offset]:
                self._begin(index)
                if index:
                    found.append(Marker(index, "joined", f"{self._name} joined", agent=self._name))
            elif not self._has_terminated and not (len(ended) and ended[0] < offset):
                found.append(Marker(index, "left", f"{self._name} left", agent=self._name))
            if not present[offset]:
                self._end(index)
        self._has_terminated = self._has_terminated or len(ended) > 0
        self._is_present = bool(present[-1])
        if self._is_present:
            self._end(first_index + len(present))
        return found

    def _begin(self, index: int) -> None:
        self.first_index = min(self.first_index, index)
        self.spans, self._longest_break = at_most([*self.spans, (index, index)], MAX_SPANS, self._longest_break)

    def _end(self, index: int) -> None:
        self.spans[-1] = (self.spans[-1][0], index)
