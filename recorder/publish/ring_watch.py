"""Whether another program has done something to the file of a ring."""

from __future__ import annotations

from recorder.black_box import Ring
from recorder.errors import BlackBoxError
from recorder.publish.trouble import Trouble

__all__ = ["RingWatch"]


class RingWatch:
    """Looks now and then.

    Args:
        trouble: hears what has happened, once.
    """

    def __init__(self, ring: Ring, trouble: Trouble) -> None:
        self._ring = ring
        self._trouble = trouble
        self._why = ""

    def is_useless(self) -> bool:
        """Whether nothing more can be read from it; what is mapped outlives a name that was deleted."""
        why = self._ring.why_unusable()
        if why != self._why:
            self._why = why
            self._trouble.note_news(
                BlackBoxError(f"another program has spoilt this black box: {why}: {self._ring.path}")
            )
        return bool(why) and "deleted" not in why
