"""Packets of a play for the outbox: its chunks, its header before the first entry, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from recorder.publish.chunks.builder import EncodedChunk, EpisodeBuilder, Progress
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.delivery.packet import News, Packet, PlayEnd
from recorder.publish.entries import PlayEntries
from recorder.step_stream import CHUNK, HEADER, Outgoing, Play

__all__ = ["PlayPackets"]


class PlayPackets:
    """Of all plays of one sender.

    Args:
        on_error: called with why steps or values were left out of a chunk.
    """

    def __init__(self, entries: PlayEntries, outbox: Outbox, *, on_error: Callable[[Exception], None]) -> None:
        self._entries = entries
        self._outbox = outbox
        self._on_error = on_error
        self.event_position = 0
        """Before it, a predecessor has dealt with what is said without a play."""

    def put_chunks(self, builder: EpisodeBuilder, chunks: Iterable[EncodedChunk]) -> None:
        """Chunks of a play, each with what it settles."""
        for chunk in chunks:
            entry = Outgoing(builder.play, chunk.sequence, CHUNK, chunk.data)
            self.put(builder, chunk.progress, entry, chunk=(chunk.sequence, chunk.first_step, chunk.n_steps))
        if builder.error is not None:
            error, builder.error = builder.error, None
            self._on_error(error)

    def put(
        self,
        builder: EpisodeBuilder,
        progress: Progress,
        *entries: Outgoing,
        chunk: tuple[int, int, int] | None = None,
        end: PlayEnd | None = None,
    ) -> None:
        """A packet of a play; the first one with an entry brings the header."""
        header = b""
        if entries and not builder.state.header:
            header = builder.state.header = self._entries.header(builder.state, builder.schema)
            entries = (Outgoing(builder.play, 1, HEADER, header), *entries)
        news = News(builder.play, header, chunk, progress.change, end, progress.counts)
        self._outbox.put(
            Packet(
                news,
                entries,
                end.body if end is not None and end.body else None,
                closes=end is not None and bool(end.body),
                drops=end is not None and end.is_dropped,
                needed_from=progress.needed_from,
            )
        )

    def say(self, body: bytes, play: Play, position: int) -> None:
        """Tell those who look for ends something that belongs to no open play."""
        if position >= self.event_position:
            news = News(play, event_position=position + 1)
            self._outbox.put(Packet(news, finished=body, needed_from=position))
