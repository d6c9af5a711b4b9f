"""``Turns``: what waits, and which of it is next."""

from __future__ import annotations

from collections import OrderedDict
from itertools import count
from typing import Generic, TypeVar

__all__ = ["Turns"]

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """A queue that is served from both ends in turn.

    Every second turn goes to the newest item, and first pieces go before later ones: a long queue does not delay a new
    request. The turns between go to the item that has waited longest: each item gets its turn.
    """

    def __init__(self) -> None:
        self._first: OrderedDict[int, Item] = OrderedDict()
        self._later: OrderedDict[int, Item] = OrderedDict()
        self._order = count()
        self._is_oldest_next = False

    def __len__(self) -> int:
        return len(self._first) + len(self._later)

    def add(self, item: Item, *, is_first: bool) -> None:
        """Let an item wait.

        Args:
            is_first: it begins a request; a later one goes on with a request that was served before.
        """
        (self._first if is_first else self._later)[next(self._order)] = item

    def take(self) -> Item:
        """The item whose turn it is.

        Raises:
            KeyError: none waits.
        """
        is_oldest, self._is_oldest_next = self._is_oldest_next, not self._is_oldest_next
        queues = [queue for queue in (self._first, self._later) if queue]
        if not queues:
            raise KeyError("nothing waits")
        if is_oldest:
            return min(queues, key=lambda queue: next(iter(queue))).popitem(last=False)[1]
        return queues[0].popitem(last=True)[1]

    def take_all(self) -> list[Item]:
        """All that wait, in no order; none waits any more."""
        items = [*self._first.values(), *self._later.values()]
        self._first.clear()
        self._later.clear()
        return items
