"""Episodes that are still being recorded: reads the step stream for all viewers that follow them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from recorder.errors import EpisodeFileError, RecordingNotFoundError, StreamCorruptError, UsageError
from recorder.step_stream import CHUNK, END, FIRST_CURSOR, HEADER, Play, StepStream, StreamEntry
from replay_server.episodes.cache import ByteLru
from replay_server.episodes.live_episode import LiveEpisode, begin_episode

__all__ = ["MAX_OPEN_SHOWN", "LiveEpisodes"]

_FRESH_SECS = 0.2
"""How long the result of a read is reused, however many viewers ask."""

_OWNER_CHECK_SECS = 1.0
"""How often the server checks that Redis still belongs to this catalog."""

_OPEN_CHECK_SECS = 1.0
"""How often an episode that does not grow is searched among the open ones, in case its end was missed."""

_MAX_KEPT = 256
"""Episodes whose outline is kept, the most recently used ones. More only while all of them are followed."""

_FOLLOWED_SECS = 5.0
"""Time without a request after which an episode is not followed any more."""

_LANES_BYTES = 4 * 2**20
_LANE_BYTES = 200
"""Enough for the lanes of about 20,000 open episodes."""

MAX_OPEN_SHOWN = 20_000
"""Open episodes of a run that are listed, and searched for a lane."""

_NEWEST_TRIED = 100
"""Some of the most recently active ones may have ended just now."""


class LiveEpisodes:
    """Reads the step stream for viewers; thread-safe. All methods may block on Redis.

    Args:
        stream: where trainers send.
        cache_bytes: for chunks that were read.
        clock: monotonic seconds.
        check_owner: raises a StreamError while Redis belongs to another installation.
    """

    def __init__(
        self,
        stream: StepStream,
        *,
        cache_bytes: int,
        clock: Callable[[], float],
        check_owner: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._check_owner = check_owner
        self._owner_checked_at = float("-inf")
        self._clock = clock
        self._chunks: ByteLru[tuple[str, int, int, int], bytes] = ByteLru(cache_bytes)
        self._lanes: ByteLru[tuple[str, int, int], int] = ByteLru(_LANES_BYTES)
        self._episodes: dict[tuple[str, int], _Followed] = {}
        self._lock = threading.Lock()

    def open_episodes(self, run_id: str, *, limit: int = MAX_OPEN_SHOWN) -> list[tuple[int, int]]:
        """Return ``(episode_id, play_id)`` of the run's open episodes, most recently active first.

        Raises:
            StreamUnavailableError: Redis can't be reached.
        """
        self._confirm()
        return [(it.play.episode_id, it.play.play_id) for it in self._stream.open_plays(run_id, limit=limit)]

    def newest(self, run_id: str, lane: int | None) -> int | None:
        """Return the most recently active open episode, optionally of one ``lane``; None if there is none.

        Raises:
            StreamUnavailableError: Redis can't be reached.
            StreamCorruptError: an entry is invalid.
        """
        limit = _NEWEST_TRIED if lane is None else MAX_OPEN_SHOWN
        for episode_id, play_id in self.open_episodes(run_id, limit=limit):
            if lane is None or lane == self._lane_of(run_id, episode_id, play_id):
                episode = self.refresh(run_id, episode_id)
                if episode is not None and not episode.is_ended:
                    return episode_id
        return None

    def lanes(self, run_id: str, limit: int) -> list[int]:
        """Return the lanes with an open episode, in order; of more than ``limit``, the most recently active ones.

        Raises:
            StreamUnavailableError: Redis can't be reached.
            StreamCorruptError: an entry is invalid.
        """
        found: set[int] = set()
        for episode_id, play_id in self.open_episodes(run_id):
            if len(found) == limit:
                break
            lane = self._lane_of(run_id, episode_id, play_id)
            if lane is not None:
                found.add(lane)
        return sorted(found)

    def refresh(self, run_id: str, episode_id: int) -> LiveEpisode | None:
        """Return the episode as far as it has arrived; None if the stream has nothing of it.

        Raises:
            StreamUnavailableError: Redis can't be reached.
            StreamCorruptError: an entry is invalid.
        """
        self._confirm()
        with self._lock:
            followed = self._episodes.pop((run_id, episode_id), None) or _Followed()
            self._episodes[run_id, episode_id] = followed
            while len(self._episodes) > _MAX_KEPT:
                oldest = next(iter(self._episodes))
                if self._clock() - self._episodes[oldest].read_at < _FOLLOWED_SECS:
                    break
                del self._episodes[oldest]
        with followed.lock:
            now = self._clock()
            if now - followed.read_at >= _FRESH_SECS:
                self._read(run_id, episode_id, followed)
                followed.read_at = now
            return followed.episode

    def cached_chunk(self, episode: LiveEpisode, number: int) -> bytes | None:
        """Return a chunk's frame if it is in memory."""
        return self._chunks.get(self._key(episode, number))

    def chunk(self, episode: LiveEpisode, number: int) -> bytes:
        """Return a chunk's frame, from memory or from the stream.

        Raises:
            RecordingNotFoundError: the stream no longer has it.
            StreamUnavailableError: Redis can't be reached.
        """
        frame = self.cached_chunk(episode, number)
        if frame is not None:
            return frame
        sequence = episode.sequences[number]
        before = f"{episode.play_id}-{sequence - 1}"
        entries = self._stream.read_episode(episode.run_id, episode.episode_id, after=before, limit=1)
        if not entries or (entries[0].play_id, entries[0].sequence) != (episode.play_id, sequence):
            raise RecordingNotFoundError(
                f"Recording not found: episode {episode.episode_id} of run {episode.run_id!r} is no longer in the step "
                "stream; open its recording, if it was kept"
            )
        self._keep(episode, number, entries[0].data)
        return entries[0].data

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def _confirm(self) -> None:
        now = self._clock()
        if now - self._owner_checked_at >= _OWNER_CHECK_SECS:
            self._check_owner()
            self._owner_checked_at = now

    def _lane_of(self, run_id: str, episode_id: int, play_id: int) -> int | None:
        """Return an open episode's lane; None if its header is missing."""
        key = (run_id, episode_id, play_id)
        lane = self._lanes.get(key)
        if lane is None:
            entries = self._stream.read_episode(run_id, episode_id, after=f"{play_id}-0", limit=1)
            episode = self._apply(None, run_id, episode_id, entries[0]) if entries else None
            if episode is not None and episode.play_id == play_id:
                lane = episode.lane
                self._lanes.put(key, lane, _LANE_BYTES)
        return lane

    def _read(self, run_id: str, episode_id: int, followed: _Followed) -> None:
        episode = followed.episode
        while True:
            after = FIRST_CURSOR if episode is None else episode.last_seq
            entries = self._stream.read_episode(run_id, episode_id, after=after, limit=16)
            for entry in entries:
                episode = followed.episode = self._apply(episode, run_id, episode_id, entry)
            if not entries:
                break
        if episode is not None and not episode.is_ended:
            now = self._clock()
            if episode.n_steps != followed.n_steps_seen:
                followed.n_steps_seen, followed.grown_at = episode.n_steps, now
            elif now - followed.grown_at > _OPEN_CHECK_SECS:
                followed.grown_at = now
                self._confirm()
                episode.is_ended = not self._stream.is_open(run_id, Play(episode_id, episode.play_id))

    def _apply(
        self, episode: LiveEpisode | None, run_id: str, episode_id: int, entry: StreamEntry
    ) -> LiveEpisode | None:
        try:
            if entry.kind == HEADER:
                return begin_episode(run_id, episode_id, entry)
            if episode is None or entry.play_id != episode.play_id:
                return episode  # the rest of a play whose beginning was deleted
            if entry.kind == CHUNK:
                episode.add_chunk(entry)
                self._keep(episode, len(episode.chunk_rows) - 1, entry.data)
            elif entry.kind == END:
                episode.end(entry)
            episode.last_seq = entry.entry_id
        except (EpisodeFileError, UsageError, KeyError, TypeError, ValueError) as error:
            raise StreamCorruptError(
                f"entry {entry.entry_id} of episode {episode_id} of run {run_id!r}: {error}"
            ) from error
        return episode

    def _keep(self, episode: LiveEpisode, number: int, frame: bytes) -> None:
        self._chunks.put(self._key(episode, number), frame, len(frame))

    @staticmethod
    def _key(episode: LiveEpisode, number: int) -> tuple[str, int, int, int]:
        return episode.run_id, episode.episode_id, episode.play_id, number


@dataclass(slots=True)
class _Followed:
    """An episode that a viewer asked for, and when it was last checked."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    episode: LiveEpisode | None = None
    read_at: float = float("-inf")
    grown_at: float = float("-inf")
    n_steps_seen: int = -1
