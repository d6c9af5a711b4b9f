"""Decides by the clock whether a viewer's connection must be pinged or closed: it stalls, does not answer, or is idle."""

from __future__ import annotations

from enum import Enum, auto

from replay_server.limits import Limits

__all__ = ["Liveness", "Verdict"]


class Verdict(Enum):
    """What to do with a connection."""

    FINE = auto()
    PING = auto()
    STALLED = auto()
    """It reads nothing of what waits for it."""
    SILENT = auto()
    """It answers no pings."""
    IDLE = auto()


class Liveness:
    """When a peer was last heard, and when it last read.

    Args:
        limits: the times.
        now: monotonic seconds.
    """

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._received_at = now
        self._spoke_at = now
        self._took_at = now
        self._n_unread_bytes = 0
        self.is_heard = False
        """Whether any byte has arrived."""

    def received(self, now: float) -> None:
        """Bytes have arrived."""
        self._received_at, self.is_heard = now, True

    def excuse(self, now: float) -> None:
        """Its answers to pings could not be read until now."""
        self._received_at = now

    def spoke(self, now: float) -> None:
        """A whole message has arrived."""
        self._spoke_at = now

    def begin_waiting(self, now: float, n_unread_bytes: int) -> None:
        """More is unsent from now on than the connection takes."""
        self._took_at, self._n_unread_bytes = now, n_unread_bytes

    def took(self, now: float, n_unread_bytes: int) -> None:
        """Note the progress of a slow reader."""
        n_before, self._n_unread_bytes = self._n_unread_bytes, n_unread_bytes
        if n_unread_bytes < n_before:
            self._took_at = now

    def verdict(self, now: float, *, is_congested: bool, is_read: bool, is_busy: bool) -> Verdict:
        """Return what to do now.

        Args:
            is_congested: too many bytes are unsent.
            is_read: the socket is read, so that answers to pings are seen.
            is_busy: it plays or follows something.
        """
        silent_secs = now - self._received_at
        if is_congested and now - self._took_at > self._limits.stalled_secs:
            return Verdict.STALLED
        if is_read and not is_congested and silent_secs > 2 * self._limits.ping_secs + 1:
            return Verdict.SILENT
        if now - self._spoke_at > self._limits.idle_secs and not is_busy:
            return Verdict.IDLE
        return Verdict.PING if silent_secs > self._limits.ping_secs / 2 else Verdict.FINE
