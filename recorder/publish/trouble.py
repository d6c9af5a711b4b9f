"""What goes wrong with publishing: counted, said at most once in a while, and how long to wait before the next attempt.

Another program may spoil the file of a ring, and a stream of this process may have no reader.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from recorder.black_box import Ring, RingReader, Run
from recorder.errors import BlackBoxError, RecorderError, StreamError
from recorder.publish.stats import RecorderStats
from recorder.runtime.throttled_log import Throttle
from recorder.step_stream import StepStream

__all__ = ["OnMessage", "RingWatch", "Trouble", "UnreadWarning", "n_steps_from"]

OnMessage = Callable[[int, str, str, Exception | None], None]
"""Given the level of a log line, its logger's name, its text, and the error that it tells of, if any."""

_LOGGER = "recorder.publish.publisher"
_FIRST_BACKOFF_SECS = 0.25
_LONGEST_BACKOFF_SECS = 5.0
_LOG_EVERY_SECS = 5.0

_WARNINGS = {
    "n_odd_rewards": "a reward is NaN or infinite: it is recorded, and the return of the episode is not finite either; "
    "stats().n_odd_rewards counts these steps"
}
"""What is said once, by the name of its counter."""


class Trouble:
    """Of one publisher.

    Args:
        run_id: part of every line.
        stats: counts.
        on_message: where lines go.
    """

    def __init__(self, run_id: str, stats: RecorderStats, on_message: OnMessage) -> None:
        self._run_id = run_id
        self._stats = stats
        self._on_message = on_message
        self._throttle = Throttle(_LOG_EVERY_SECS)
        self._backoff_secs = 0.0
        self._not_before = 0.0
        self.error: Exception | None = None
        """The last failure."""

    @property
    def may_try(self) -> bool:
        """Whether the wait after the last failure is over."""
        return time.monotonic() >= self._not_before

    def is_answered(self) -> None:
        """The server has taken something."""
        self._backoff_secs = 0.0
        if not self._stats.is_connected:
            self._stats.n_reconnects += 1
            self._stats.is_connected = True

    def failed(self, error: StreamError) -> None:
        """The server did not take it: count, and wait longer each time."""
        self._stats.is_connected = False
        self._count(error)
        self.log_error("away", f"can't send for now (errors so far: {self._stats.n_errors}): {error}", error)
        self.back_off()

    def back_off(self) -> None:
        """Wait before the next attempt."""
        self._backoff_secs = min(max(2 * self._backoff_secs, _FIRST_BACKOFF_SECS), _LONGEST_BACKOFF_SECS)
        self._not_before = time.monotonic() + self._backoff_secs

    def note_news(self, error: Exception) -> None:
        """Something that happened elsewhere."""
        self._count(error)
        self.log_error(str(error), str(error), error)

    def note_defect(self, error: Exception) -> None:
        """What must never end the loop: it costs the record at hand, is counted, and logged, with its place when it is no
        error of ours."""
        self._count(error)
        where = "" if isinstance(error, RecorderError) else f" ({type(error).__name__} in {_place_of(error)})"
        self.log_error("defect", f"something was lost, training goes on: {error}{where}", error)

    def note_first(self, counted: str) -> None:
        """Something of these statistics was counted for the first time."""
        if counted in _WARNINGS:
            self.say(logging.WARNING, _WARNINGS[counted])

    def log_error(self, kind: str, text: str, error: Exception | None = None) -> None:
        """Say it, unless something of this kind was said a moment ago."""
        is_due = self._throttle.is_due(kind)
        if is_due or error is not None:
            self.say(logging.ERROR if is_due else logging.DEBUG, text, error)

    def say(self, level: int, text: str, error: Exception | None = None) -> None:
        """Say it in any case."""
        self._on_message(level, _LOGGER, f"recorder: run_id={self._run_id}: {text}", error)

    def _count(self, error: Exception) -> None:
        self.error = error
        self._stats.count_error(error)


def _place_of(error: Exception) -> str:
    """The file and the line that raised it."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{Path(traceback.tb_frame.f_code.co_filename).name}:{traceback.tb_lineno}" if traceback else "?"


class RingWatch:
    """Looks now and then.

    Args:
        trouble: hears what has happened, once.
    """

    def __init__(self, ring: Ring, trouble: Trouble) -> None:
        self._ring = ring
        self._trouble = trouble
        self._why = ""

    def is_useless(self) -> bool:
        """Whether nothing more can be read from it; what is mapped outlives a name that was deleted."""
        why = self._ring.why_unusable()
        if why != self._why:
            self._why = why
            self._trouble.note_news(
                BlackBoxError(f"another program has spoilt this black box: {why}: {self._ring.path}")
            )
        return bool(why) and "deleted" not in why


_UNREAD = (
    "nobody reads what is recorded in this process, and it ends with it: start a RecordingWriter(recorder, …), or start a "
    "worker with 'hamlet-recorder worker' and make the recorder with EpisodeRecorder(find_redis_url())"
)


class UnreadWarning:
    """Says that a stream of this process has no reader: once when there is something to read, and at the end."""

    def __init__(self, stream: StepStream, stats: RecorderStats, trouble: Trouble) -> None:
        self._stream = stream
        self._stats = stats
        self._trouble = trouble
        self._has_warned = False

    def warn(self) -> None:
        """Say so once."""
        if self._is_unread and not self._has_warned:
            self._has_warned = True
            self._trouble.log_error("unread", _UNREAD)

    def sum_up(self) -> None:
        """Say what is lost."""
        if self._is_unread:
            n_episodes, n_steps = self._stats.n_episodes_started, self._stats.n_recorded_steps
            text = f"what was recorded is not kept (episodes: {n_episodes}, steps: {n_steps}): {_UNREAD}"
            self._has_warned = True
            self._trouble.log_error("unread at the end", text)

    @property
    def _is_unread(self) -> bool:
        return not self._stream.is_read and self._stats.n_episodes_started > 0


def n_steps_from(ring: Ring, position: int) -> int:
    """Steps in the ring from a position on.

    Raises:
        BlackBoxError: another program has written into it.
    """
    n_steps = 0
    for item in RingReader(ring, position).look(is_final=True, max_bytes=ring.capacity):
        if isinstance(item, Run):
            ids = item.records["episode_id"]
            n_steps += len(ids) if not item.layout.is_block else int((ids != -1).sum())
    return n_steps
