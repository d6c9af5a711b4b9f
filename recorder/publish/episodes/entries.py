"""The first and the last entry of a play, its entry in ``finished``, and the packets of all its entries for the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from recorder.episode import EpisodeStatus
from recorder.publish.chunks.builder import EncodedChunk, EpisodeBuilder, Progress
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.delivery.packet import News, Packet, PlayEnd
from recorder.publish.episodes.summary import EpisodeSummaries
from recorder.publish.identity import RunIdentity
from recorder.publish.play_state import PlayState
from recorder.publish.stats import RecorderStats
from recorder.schema import EpisodeSchema
from recorder.step_stream import CHUNK, HEADER, Outgoing, Play, episode_end, pack_body

__all__ = ["PlayEntries", "PlayPackets"]


class PlayEntries:
    """Writes them.

    Args:
        identity: the run and this producer.
        stats: knows how many steps the recorder has recorded so far.
        clock: seconds since 1970.
    """

    def __init__(self, identity: RunIdentity, stats: RecorderStats, clock: Callable[[], float]) -> None:
        self._identity = identity
        self._summaries = EpisodeSummaries(identity)
        self._stats = stats
        self._clock = clock

    def header(self, state: PlayState, schema: EpisodeSchema | None) -> bytes:
        """The first entry; the schema is known once the first chunk is made."""
        return pack_body(
            {
                "run_id": self._identity.run_id,
                "episode_id": state.play.episode_id,
                "play_id": state.play.play_id,
                "lane": state.lane,
                "producer": self._identity.producer_id,
                "resumed": self._identity.resumed,
                "schema": (schema or EpisodeSchema(())).to_list(),
                "metadata": self._metadata(state, {}, EpisodeStatus.COMPLETE),
            }
        )

    def end(self, state: PlayState, given: Mapping[str, Any], status: EpisodeStatus) -> tuple[bytes, bytes]:
        """The last entry, whose sequence is the state's, and the entry of ``finished``."""
        metadata = self._metadata(state, given, status)
        self._summaries.settle_stage(metadata)
        return pack_body({"metadata": metadata}), pack_body(self._end(state, metadata))

    def abort(self, state: PlayState, reason: str) -> bytes:
        """The entry of ``finished`` for a play that was given up."""
        metadata = self._metadata(state, {}, EpisodeStatus.ABORTED)
        return pack_body({**self._end(state, metadata), "kind": "abort", "reason": reason})

    def run_end(self) -> bytes:
        """The entry of ``finished`` for a trainer that has closed."""
        return pack_body({"kind": "run_end", "producer": self._identity.producer_id})

    def keep(self, episode_id: int, reason: str) -> bytes:
        """The entry of ``finished`` for an episode that is not open and is to be kept."""
        return pack_body({"kind": "keep", "episode_id": episode_id, "reason": reason})

    def _metadata(self, state: PlayState, given: Mapping[str, Any], status: EpisodeStatus) -> dict[str, Any]:
        return self._summaries.of(
            state, given, status, n_recorded_steps=self._stats.n_recorded_steps, now_secs=self._clock()
        )

    def _end(self, state: PlayState, metadata: Mapping[str, Any]) -> dict[str, Any]:
        return episode_end(
            metadata,
            play_id=state.play.play_id,
            producer_id=self._identity.producer_id,
            n_bytes=state.n_bytes,
            last_sequence=state.sequence,
            manual_reasons=state.reasons,
            is_resumed=self._identity.resumed,
        )


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
