"""Episodes that have ended: what comes later is refused, and counted once however many senders read it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from recorder.publish.chunks.builder import Progress
from recorder.publish.delivery.ledger import REMEMBERED_EPISODES
from recorder.publish.delivery.packet import News, Packet, PlayEnd
from recorder.publish.stats import added
from recorder.step_stream import Play

__all__ = ["EndedEpisodes"]


class EndedEpisodes:
    """Remembers the latest of them.

    Args:
        known: by episode, the position before which its records have been dealt with.
    """

    def __init__(self, known: OrderedDict[int, int]) -> None:
        self._dealt_with = known
        self._late: dict[int, Progress] = {}
        """By episode, what came after its end and is in no packet yet."""

    def __contains__(self, episode_id: int) -> bool:
        return episode_id in self._dealt_with

    def dealt_with(self, episode_id: int) -> int:
        """The position before which an episode's records have been dealt with; 0 for one that has not ended."""
        return self._dealt_with.get(episode_id, 0)

    def add(self, episode_id: int, position: int) -> None:
        """Records of an episode before a position belong to a play that has ended, and later ones to none."""
        self._dealt_with[episode_id] = position
        if len(self._dealt_with) > REMEMBERED_EPISODES:
            self._dealt_with.popitem(last=False)

    def count_late(self, episode_id: int, name: str, number: int, *, position: int, needed_from: int) -> None:
        """Something came after the end.

        Args:
            name: of the counter.
            position: of the last record of it.
            needed_from: where the first record of it begins.
        """
        self.add(episode_id, position + 1)
        late = Progress(None, {name: number}, needed_from)
        before = self._late.get(episode_id)
        if before is not None:
            late = Progress(None, added(before.counts, late.counts), min(before.needed_from, needed_from))
        self._late[episode_id] = late

    def needed_from(self) -> list[int]:
        """Where the records begin that are in no packet."""
        return [late.needed_from for late in self._late.values()]

    def tell(self) -> Iterator[Packet]:
        """Packets that tell of what was late."""
        for episode_id, (_, counts, needed_from) in self._late.items():
            end = PlayEnd(b"", is_dropped=False, position=self.dealt_with(episode_id))
            yield Packet(News(Play(episode_id, 0), end=end, counts=counts), needed_from=needed_from)
        self._late.clear()
