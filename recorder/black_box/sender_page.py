"""What a sender tells its trainer beside the header: its counters, and lines for the log."""

from __future__ import annotations

import contextlib
import mmap
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

import msgpack

from recorder.black_box.format import (
    MESSAGE_BYTES,
    MESSAGES_AT,
    N_MESSAGES,
    SENDER_PAGE_AT,
    SENDER_PAGE_BYTES,
    STATS_BYTES,
)
from recorder.black_box.header import Header
from recorder.errors import BlackBoxError

__all__ = ["Message", "SenderPage"]

_MESSAGE_FRAME_BYTES = 32
"""What msgpack adds to the texts of a message."""


class Message(NamedTuple):
    """What a sender has to say to its trainer: a line for the log."""

    level: int
    logger: str
    text: str
    error_class: str | None = None
    error_text: str = ""


class SenderPage(Header):
    """The sender writes it, the trainer reads it."""

    def __init__(self, memory: mmap.mmap) -> None:
        super().__init__(memory)
        self._sender_words = memoryview(memory)[SENDER_PAGE_AT : SENDER_PAGE_AT + SENDER_PAGE_BYTES].cast("Q")

    def put_stats(self, stats: Mapping[str, Any]) -> None:
        """The sender's counters; a reader sees all of them or the ones before."""
        packed = cast("bytes", msgpack.packb(stats))
        if len(packed) > STATS_BYTES:
            raise BlackBoxError(f"the sender's counters take {len(packed)} bytes, more than {STATS_BYTES}")
        words, at = self._sender_words, SENDER_PAGE_AT + 16
        words[0] += 1 + words[0] % 2
        words[1] = len(packed)
        self.memory[at : at + len(packed)] = packed
        words[0] += 1

    def stats(self) -> dict[str, Any]:
        """What ``put_stats`` was given last; empty before that."""
        words, at = self._sender_words, SENDER_PAGE_AT + 16
        for _ in range(100):
            before = words[0]
            packed = bytes(self.memory[at : at + min(words[1], STATS_BYTES)])
            if before % 2 == 0 and words[0] == before:
                return cast("dict[str, Any]", msgpack.unpackb(packed)) if packed else {}
        return {}  # a sender that died while it wrote them

    @property
    def n_messages(self) -> int:
        """Messages that senders have written."""
        return self._sender_words[MESSAGES_AT // 8]

    def put_message(self, message: Message) -> None:
        """Tell the trainer; it keeps the latest ``N_MESSAGES``."""
        room = MESSAGE_BYTES - 8 - _MESSAGE_FRAME_BYTES - len(message.logger) - len(message.error_class or "")
        error_text = _short(message.error_text, room // 2)
        text = _short(message.text, room - len(error_text.encode()))
        packed = cast("bytes", msgpack.packb(list(message._replace(text=text, error_text=error_text))))
        number = self.n_messages
        at = _slot_at(number)
        self.memory[at + 8 : at + 8 + len(packed)] = packed
        struct.pack_into("<Q", self.memory, at, len(packed))
        self._sender_words[MESSAGES_AT // 8] = number + 1

    def messages(self, *, after: int) -> Iterator[Message]:
        """The messages after the first ``after``; those that were overwritten are skipped."""
        n_messages = self.n_messages
        for number in range(max(after, n_messages - N_MESSAGES), n_messages):
            at = _slot_at(number)
            (n_bytes,) = struct.unpack_from("<Q", self.memory, at)
            with contextlib.suppress(ValueError, TypeError):  # it was being overwritten
                yield Message(*msgpack.unpackb(bytes(self.memory[at + 8 : at + 8 + min(n_bytes, MESSAGE_BYTES - 8)])))


def _slot_at(number: int) -> int:
    return SENDER_PAGE_AT + MESSAGES_AT + 64 + number % N_MESSAGES * MESSAGE_BYTES


def _short(text: str, n_bytes: int) -> str:
    """The text, or as much of it as finds room in UTF-8."""
    data = text.encode("utf-8", "replace")
    return data.decode() if len(data) <= n_bytes else f"{data[: n_bytes - 4].decode('utf-8', 'ignore')} …"
