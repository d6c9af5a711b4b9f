"""What was handed to the recorder and is not in the ring: counted, logged, and marked as gaps of its episodes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from recorder.black_box import Kind, Ring, RingWriter
from recorder.black_box.format import COUNTERS
from recorder.black_box.gaps import StepRange, pack_gap
from recorder.errors import RecorderError, UsageError
from recorder.runtime.throttled_log import ThrottledLog
from recorder.schema import MAX_TEXT_BYTES
from recorder.values.text import sanitize_text

__all__ = ["Refusals"]

_log = logging.getLogger("recorder.capture")

_MAX_RANGES = 10_000
"""Ranges of one gap record; a file lists 40,000 gaps."""

_RING_FULL = (
    "the black box is full: %d steps dropped so far (marked as gaps); raise capture.black_box_bytes, or use on_full='block' or "
    "'sample'"
)

_NO_ROOM_FOR_LARGE = (
    "half of the black box is full: %d large values, such as pictures, left out so far (their steps are recorded); raise "
    "capture.black_box_bytes, or record every second picture"
)

_CHANGED_TEXTS = (
    "a text is longer than %d bytes and was cut, or has characters that UTF-8 can't hold, which became U+FFFD; "
    "stats().n_changed_texts counts these texts"
)


class Refusals:
    """Counts on the trainer's threads; the counts stand in the ring's header, where the sender finds them.

    Args:
        strict: raise what is otherwise counted.
        run_id: stands in the log.
    """

    def __init__(self, ring: Ring, writer: RingWriter, *, strict: bool, run_id: str) -> None:
        self._ring = ring
        self._writer = writer
        self._strict = strict
        self._log = ThrottledLog(_log, run_id)
        self._lock = threading.RLock()
        """A signal handler may record while its thread is in here: it must not wait for itself."""
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._last_error = ""
        self.gaps: dict[int, tuple[int, list[StepRange]]] = {}
        """Steps that were dropped and that the ring does not know of yet: by episode its lane and their ranges."""

    def count(self, **counts: int) -> None:
        """Add to counters."""
        with self._lock:
            for name, n in counts.items():
                self._counters[name] += n
            self._ring.put_counters(self._counters, self._last_error)

    def drop(self, places: Iterable[tuple[int, int, int]]) -> None:
        """The ring had no room for steps.

        Args:
            places: episode id, step number and lane of each.
        """
        n_steps = 0
        with self._lock:
            for episode_id, step, lane in places:
                n_steps += 1
                _, ranges = self.gaps.setdefault(episode_id, (lane, []))
                if ranges and ranges[-1][1] == step:
                    ranges[-1] = (ranges[-1][0], step + 1)
                else:
                    ranges.append((step, step + 1))
        self.count(n_dropped_steps=n_steps)
        self._log.error(_RING_FULL, self._counters["n_dropped_steps"])

    def drop_values(self, n_values: int) -> None:
        """The ring had no room for large values; their steps are recorded without them."""
        self.count(n_dropped_values=n_values)
        self._log.error(_NO_ROOM_FOR_LARGE, self._counters["n_dropped_values"])

    def note_changed_texts(self, n_texts: int) -> None:
        """Texts were cut, or have characters that can't be stored; the log says so once."""
        is_first = not self._counters["n_changed_texts"]
        self.count(n_changed_texts=n_texts)
        if is_first:
            self._log.error(_CHANGED_TEXTS, MAX_TEXT_BYTES)

    def refuse(self, error: Exception, *, n_steps: int = 0) -> None:
        """Count and log a call that failed; raise it when strict."""
        if self._strict:
            raise error
        self._note(error)
        self.count(n_errors=1, n_refused_steps=n_steps)
        cause = None if isinstance(error, RecorderError) else error
        self._log.error(
            "a call failed (%d so far), training goes on: %s", self._counters["n_errors"], error, cause=cause
        )

    def refuse_value(self, problem: str, *, n_values: int = 1) -> None:
        """Count and log a value that can't be recorded; raise it when strict. The rest of its step is recorded."""
        error = UsageError(f"{problem}: left out")
        if self._strict:
            raise error
        self._note(error)
        self.count(n_errors=1, n_mismatched_values=n_values)
        self._log.error("a value can't be recorded (%d so far): %s", self._counters["n_errors"], error)

    def write_gaps(self, episode_id: int | None = None) -> bool:
        """Write what was dropped into the ring; the caller holds the writer's lock.

        Args:
            episode_id: of this episode alone.

        Returns:
            Whether there was room.
        """
        with self._lock:
            for number in list(self.gaps) if episode_id is None else [episode_id] if episode_id in self.gaps else []:
                lane, ranges = self.gaps[number]
                while ranges:
                    body = pack_gap(lane, ranges[:_MAX_RANGES])
                    if not self._writer.event(Kind.GAP, number, body):
                        return False
                    del ranges[:_MAX_RANGES]
                del self.gaps[number]
        return True

    def counted(self) -> tuple[dict[str, int], str]:
        """The counters by name, and the last error."""
        with self._lock:
            return dict(self._counters), self._last_error

    def forget_parent(self, ring: Ring) -> None:
        """In a fork: the ring is the parent's, and the lock may be held for ever; count in this one."""
        self._lock = threading.RLock()
        self._ring = ring
        self._counters = dict.fromkeys(COUNTERS, 0)

    def _note(self, error: Exception) -> None:
        self._last_error = sanitize_text(str(error))
