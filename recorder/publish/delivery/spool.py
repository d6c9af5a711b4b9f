"""The spool, a file beside the ring: packets that wait on disk while the server is away, so that the ring can go on.

It is read in order, and deleted once everything in it was acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

import msgpack

from recorder.publish.delivery.frames import FrameFile
from recorder.publish.delivery.packet import Packet

__all__ = ["Spool"]

_MAGIC = b"HAMLETS1"


class Spool:
    """Packets on disk.

    Args:
        path: the file.
        max_bytes: how large it may become.
        done: up to where a predecessor has sent it.

    Raises:
        BlackBoxError: another program's file has that name.
    """

    def __init__(self, path: Path, *, max_bytes: int, done: int = 0) -> None:
        self._file = FrameFile(path, _MAGIC)
        self._max_bytes = max_bytes
        self._file.base = self._file.end = done
        self._file.open()
        self._done = max(done, self._file.base)
        self._read_until = self._done
        if self._file.is_open and self._done >= self._file.end:
            self._file.end = self._done
            self._file.remove()

    @property
    def n_waiting_bytes(self) -> int:
        """What was not acknowledged yet."""
        return self._file.end - self._done

    @property
    def has_unread(self) -> bool:
        """Whether ``read`` finds something."""
        return self._read_until < self._file.end

    def has_room(self, n_bytes: int) -> bool:
        """Whether so much more may be appended."""
        return self._file.n_bytes + n_bytes <= self._max_bytes

    def append(self, packets: Sequence[Packet]) -> list[Packet]:
        """Write packets; gives them back as they are from now on: nothing of the ring is needed for them.

        Raises:
            OSError: the disk is full; none of them is written.
        """
        if not self._file.is_open:
            self._file.create(self._file.end, iter(()))
        ends = self._file.append(cast("bytes", msgpack.packb(packet.to_list())) for packet in packets)
        return [replace(packet, needed_from=None, spool_end=end) for packet, end in zip(packets, ends, strict=True)]

    def read(self, n_packets: int, n_bytes: int) -> list[Packet]:
        """The next packets, not much more than so many bytes."""
        packets: list[Packet] = []
        for frame, end in islice(self._file.read(self._read_until), n_packets):
            packets.append(Packet.from_list(msgpack.unpackb(frame), spool_end=end))
            n_bytes -= len(frame)
            self._read_until = end
            if n_bytes <= 0:
                break
        return packets

    def waiting(self) -> Iterator[Packet]:
        """Everything that was not acknowledged, for a successor; ``read`` begins there, too."""
        return self._packets_from(self._done)

    def unread(self) -> Iterator[Packet]:
        """What ``read`` has not given yet."""
        return self._packets_from(self._read_until)

    def _packets_from(self, start: int) -> Iterator[Packet]:
        if self._file.is_open:
            for frame, end in self._file.read(start):
                yield Packet.from_list(msgpack.unpackb(frame), spool_end=end)

    def skip(self, end: int) -> None:
        """What is before an offset is in memory: don't read it again."""
        self._read_until = max(self._read_until, end)

    def acknowledged(self, end: int) -> None:
        """Everything before an offset has arrived."""
        self._done = max(self._done, end)
        if self._file.is_open and self._done >= self._file.end:
            self._file.remove()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
