"""Steps of one episode that are in no chunk yet, in order: when they make a full one, and which go into it."""

from __future__ import annotations

from recorder.chunk import MAX_CHUNK_BYTES, MAX_CHUNK_STEPS
from recorder.publish.chunks.pieces import Kinds, Piece, together, would_round
from recorder.publish.picture_budget import PictureBudget

__all__ = ["PendingSteps"]


class PendingSteps:
    """Pieces whose steps can stand in one chunk.

    Args:
        pictures: says how large the pictures of a chunk may be.
    """

    def __init__(self, pictures: PictureBudget) -> None:
        self._pictures = pictures
        self._pieces: list[Piece] = []
        self._kinds: Kinds | None = None
        self.n_steps = 0

    @property
    def first(self) -> Piece | None:
        """The oldest piece."""
        return self._pieces[0] if self._pieces else None

    def append(self, piece: Piece) -> bool:
        """Take a piece after the others; False when it has to begin another chunk."""
        kinds = piece.kinds if self._kinds is None else together(self._kinds, piece.kinds)
        if kinds is None or (kinds is not self._kinds and would_round(self._kinds, kinds, self._pieces, piece)):
            return False
        self._kinds = kinds
        self._pieces.append(piece)
        self.n_steps += piece.n_steps
        return True

    def n_full(self) -> int:
        """How many of the first steps make a full chunk; 0 when they don't."""
        n_steps = 0
        number_room, picture_room = MAX_CHUNK_BYTES, self._pictures.chunk_bytes
        for piece in self._pieces:
            kinds = piece.kinds
            n_fit = number_room // kinds.number_bytes
            if kinds.picture_bytes:
                n_fit = min(n_fit, picture_room // kinds.picture_bytes)
            room = min(max(n_fit, 0 if n_steps else 1), MAX_CHUNK_STEPS - n_steps)
            if piece.n_steps >= room:
                return n_steps + room
            n_steps += piece.n_steps
            number_room -= piece.n_steps * kinds.number_bytes
            picture_room -= piece.n_steps * kinds.picture_bytes
        return 0

    def cut(self, n_steps: int) -> list[Piece]:
        """Take the first steps out."""
        taken: list[Piece] = []
        self.n_steps -= n_steps
        while n_steps:
            piece = self._pieces[0]
            if piece.n_steps > n_steps:
                taken.append(piece.part(0, n_steps))
                self._pieces[0] = piece.part(n_steps, piece.n_steps)
                break
            taken.append(self._pieces.pop(0))
            n_steps -= piece.n_steps
        if not self._pieces:
            self._kinds = None
        return taken
