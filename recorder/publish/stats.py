"""What a recorder counts of itself; the same numbers go to the server with each heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from recorder.black_box import Ring
from recorder.values.text import sanitize_text

__all__ = ["Counts", "RecorderStats", "added"]


@dataclass(slots=True)
class RecorderStats:
    """Counters of one recorder since it was made."""

    n_recorded_steps: int = 0
    """Steps that the sender has taken out of the black box."""
    n_dropped_steps: int = 0
    """Steps for which the black box had no room."""
    n_sampled_out_steps: int = 0
    """Steps of episodes that ``on_full='sample'`` left out."""
    n_lost_steps: int = 0
    """Steps for which there was no room while Redis was away or full, and those that Redis lost after it had acknowledged
    them. Also steps that ``close`` had no time to send: those in a file are taken back when they are recovered."""
    n_refused_steps: int = 0
    """Steps that can't be recorded: not ascending, of a finished episode, after too many gaps, or of an episode that workers
    refused."""
    n_refused_episodes: int = 0
    """Episodes whose id this recorder had finished before, and those that workers refused because the run had them already."""
    n_mismatched_values: int = 0
    """Values that were left out because they were not numbers."""
    n_dropped_values: int = 0
    """Large values, such as pictures, that were left out while the black box was filling; their steps are recorded."""
    n_changed_texts: int = 0
    """Texts that were cut, because they are longer than 256 KiB, or whose NUL or lone surrogates became U+FFFD."""
    n_dropped_pictures: int = 0
    """Pictures that the sender left out: more than ``capture.picture_bytes_per_sec``, or Redis was away or full. Their steps
    are recorded."""
    n_odd_rewards: int = 0
    """Steps with a reward, of any agent, that is NaN or infinite. It is recorded, and the return is not finite either."""
    n_episodes_started: int = 0
    n_episodes_finished: int = 0
    n_episodes_aborted: int = 0
    n_sampled_out_episodes: int = 0
    """Episodes that ``on_full='sample'`` left out."""
    n_lost_episodes: int = 0
    """Episodes whose end found no room while the server was away or full, so that what arrived of their steps is salvaged; and
    those that the server has lost after their end."""
    n_chunks: int = 0
    n_bytes_encoded: int = 0
    n_bytes_sent: int = 0
    n_bytes_pending: int = 0
    """Encoded and not yet acknowledged by the server."""
    n_bytes_waiting: int = 0
    """Bytes in the black box that the sender has not read yet."""
    n_reconnects: int = 0
    n_errors: int = 0
    """Calls that failed and were swallowed, so that training goes on."""
    n_waited_millis: int = 0
    """Milliseconds that calls have waited for the sender to give room back; part of the time inside calls."""
    call_median_us: float | None = None
    """Microseconds that a trainer spent in a recent ``record_step`` or ``record_batch``; sampled, None before there was one."""
    call_p99_us: float | None = None
    """The same of the slowest hundredth."""
    last_error: str = ""
    is_connected: bool = True
    is_server_full: bool = False
    """Sending waits until workers have made room."""

    @property
    def n_missing_steps(self) -> int:
        """Steps handed to the recorder that no recording will hold."""
        return self.n_dropped_steps + self.n_sampled_out_steps + self.n_lost_steps + self.n_refused_steps

    def count_error(self, error: Exception) -> None:
        """Count a failure; its text becomes ``last_error``, with what no heartbeat can carry replaced."""
        self.n_errors += 1
        self.last_error = sanitize_text(str(error))

    def to_map(self) -> dict[str, Any]:
        """The counters by name."""
        return asdict(self)

    @classmethod
    def from_map(cls, source: Mapping[str, Any]) -> RecorderStats:
        """The inverse of ``to_map``; unknown names are passed over."""
        return cls(**{field.name: source[field.name] for field in fields(cls) if field.name in source})

    def with_trainers(self, ring: Ring) -> RecorderStats:
        """A copy with what the trainer counted in the ring's header added to what the sender counted."""
        counters, times, error = ring.counters(), ring.call_times, ring.last_error
        added = {name: getattr(self, name) + n for name, n in counters.items()}
        median, p99 = times or (None, None)
        return replace(self, **added, call_median_us=median, call_p99_us=p99, last_error=error or self.last_error)


class Counts:
    """Adds to statistics.

    Args:
        stats: what is shown.
        on_first: told the name of what is counted for the first time.
    """

    def __init__(self, stats: RecorderStats, *, on_first: Callable[[str], None] | None = None) -> None:
        self.stats = stats
        self._on_first = on_first

    def add(self, name: str, number: int = 1) -> None:
        """Count."""
        if self._on_first is not None and number and not getattr(self.stats, name):
            self._on_first(name)
        setattr(self.stats, name, getattr(self.stats, name) + number)

    def add_all(self, counts: Mapping[str, int]) -> None:
        """Count several things."""
        for name, number in counts.items():
            self.add(name, number)


def added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    """Both together."""
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
