"""What a connection needs of the session that handles its messages."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Session"]


class Session(Protocol):
    """Handles a connection's messages."""

    def opened(self) -> None:
        """Called when messages can be sent."""

    async def receive(self, text: str) -> None:
        """Handle one message; must not raise."""

    def refuse(self, code: str, message: str) -> None:
        """Answer a message that is not handled."""

    def writable(self) -> None:
        """Called when the unsent bytes have been sent."""

    def is_busy(self) -> bool:
        """Whether it plays or follows anything."""

    def closed(self) -> None:
        """Called when the connection is gone."""
