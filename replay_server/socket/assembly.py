"""Puts a text message together that arrives in several frames or reads."""

from __future__ import annotations

__all__ = ["Assembly"]


class Assembly:
    """The message that is arriving.

    Args:
        max_bytes: of one message, in UTF-8.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[str] = []
        self._n_bytes = 0

    def add(self, piece: str) -> bool:
        """Add a piece; return False if the message is too large now. Then it is dropped."""
        if piece:
            self._pieces.append(piece)
            self._n_bytes += len(piece.encode())
        if self._n_bytes > self._max_bytes:
            self._pieces.clear()
            return False
        return True

    def take(self) -> str:
        """Return the complete message and begin the next one."""
        text = "".join(self._pieces)
        self._pieces.clear()
        self._n_bytes = 0
        return text
