"""The sender's journal, a file beside the ring: what becomes true with each flush, written before the flush is sent.

It begins with a whole ledger; flushes, their acknowledgements and what workers have taken follow. A torn last entry was
never acted on. When it is large, a new whole ledger takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgpack

from recorder.errors import BlackBoxError, StreamUnavailableError
from recorder.publish.delivery.frames import FrameFile
from recorder.publish.delivery.ledger import FlushRecord, Ledger
from recorder.step_stream import Play

__all__ = ["Journal", "read_journal"]

_MAGIC = b"HAMLETJ1"
_LARGE_BYTES = 4 * 2**20
"""A journal that has grown by so much, and to twice the ledger it began with, is written again."""

_LEDGER, _FLUSH, _ARRIVED, _TAKEN = range(4)


class Journal:
    """Writes; a reader uses ``read_journal``.

    Args:
        path: the file.
        ledger: what the server has acknowledged so far.
    """

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._file = FrameFile(path, _MAGIC)
        self._ledger = ledger
        self._first_bytes = 0
        self.is_stale = True
        """Whether the ledger has changed in a way that no entry tells of: it is written whole before the next flush."""

    def flush(self, record: FlushRecord) -> None:
        """A flush is about to be sent.

        Raises:
            StreamUnavailableError: the disk is full; nothing may be sent that a successor could not know of.
        """
        if self.is_stale or self._file.n_bytes > max(2 * self._first_bytes, _LARGE_BYTES):
            self._begin()
        self._append([_FLUSH, record.to_list()])

    def arrived(self, number: int) -> None:
        """A flush was acknowledged, and the ledger holds it."""
        try:
            self._append([_ARRIVED, number])
        except StreamUnavailableError:
            self.is_stale = True  # the next flush writes the ledger, or says that the disk is full

    def taken(self, plays: Sequence[Play]) -> None:
        """Workers are done with these plays.

        Raises:
            StreamUnavailableError: the disk is full.
        """
        if plays and not self.is_stale:
            self._append([_TAKEN, [[play.episode_id, play.play_id] for play in plays]])

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _begin(self) -> None:
        try:
            self._file.create(0, iter([_pack([_LEDGER, self._ledger.to_map()])]))
        except OSError as error:
            raise self._full(error) from error
        self._first_bytes = self._file.n_bytes
        self.is_stale = False

    def _append(self, entry: list[Any]) -> None:
        try:
            self._file.append(iter([_pack(entry)]))
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> StreamUnavailableError:
        return StreamUnavailableError(
            f"sending waits, since its journal can't be written: {error.strerror or error}: {self._file.path}"
        )


def read_journal(path: Path) -> tuple[Ledger, FlushRecord | None]:
    """What a sender has left: its ledger, and the flush of which it never learned whether it arrived.

    Raises:
        BlackBoxError: the file is not a journal.
    """
    ledger = Ledger(keeps_plays=True)
    last: FlushRecord | None = None
    file = FrameFile(path, _MAGIC)
    if not file.open():
        return ledger, None
    try:
        for frame, _ in file.read(0):
            kind, body = msgpack.unpackb(frame, strict_map_key=False)
            if kind == _LEDGER:
                ledger, last = Ledger.from_map(body), None
            elif kind == _FLUSH:
                record = FlushRecord.from_list(body)
                if last is not None and last.number < record.number:
                    ledger.apply(last, is_remote=True)  # or the next one would not have been made
                last = record
            elif kind == _ARRIVED and last is not None and last.number == body:
                ledger.apply(last, is_remote=True)
                last = None
            elif kind == _TAKEN:
                for episode_id, play_id in body:
                    ledger.custody.is_taken(Play(episode_id, play_id))
    except (ValueError, TypeError, KeyError) as error:
        raise BlackBoxError(f"the journal of a black box can't be read: {error}: {path}") from error
    finally:
        file.close()
    return ledger, last


def _pack(entry: list[Any]) -> bytes:
    return cast("bytes", msgpack.packb(entry))
