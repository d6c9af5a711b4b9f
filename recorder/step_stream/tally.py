"""What a server counts of one sender, in the transactions that bring its steps.

A sender's flushes are numbered, and the counts of the last two are kept side by side. Where the one before the last is
missing, or is older than it should be, the server has lost what lay between them, even if nobody has noticed yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Tally", "last_two"]


@dataclass(slots=True)
class Tally:
    """The steps of one sender: whatever becomes of the sender or of the server's data, the number there belongs to the entries
    there."""

    producer_id: str
    n_sent: int
    """All that it ever sent, with this flush."""
    n_kept: int
    """Those of them that the server has not lost again, as far as the sender knows."""
    flush_number: int = 0
    """Which of the sender's flushes it came with, 1 for the first; 0 for none, or for a sender that does not number them."""
    n_before: int = 0
    """What the server had for ``n_sent`` when the flush arrived; filled in by ``send``."""
    flush_before: int = 0
    """The number of the flush that had left it; filled in by ``send``."""

    @property
    def slot(self) -> int:
        """Where it is kept: beside that of the flush before."""
        return self.flush_number % 2

    def after(self, before: Tally) -> Tally:
        """The same, with what was there before."""
        return Tally(self.producer_id, self.n_sent, self.n_kept, self.flush_number, before.n_sent, before.flush_number)


def last_two(producer_id: str, kept: Iterable[Tally]) -> Tally:
    """What a sender's last flush left, with what the one before had left; zeros where nothing is kept."""
    nothing = Tally(producer_id, 0, 0)
    ordered = sorted(kept, key=lambda tally: tally.flush_number)
    last, before = (ordered[-1] if ordered else nothing), (ordered[0] if len(ordered) > 1 else nothing)
    return last.after(before)
