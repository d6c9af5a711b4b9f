"""What a recorder counts of itself; the same numbers go to the server with each heartbeat."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from recorder.text import holdable_text

__all__ = ["RecorderStats"]


@dataclass(slots=True)
class RecorderStats:
    """Counters of one recorder since it was made.

    ``n_dropped_steps`` (the hand-over queue was full), ``n_lost_steps`` (no room while the server was away or full, held by a
    sender process that was killed, or lost by a server that had acknowledged them) and
    ``n_refused_steps`` (a step that can't be recorded: not ascending, of a finished episode, behind too many gaps, not
    numbers, of an episode that workers refused) together are what is missing.
    """

    n_recorded_steps: int = 0
    """Steps that reached the publisher and were taken."""
    n_dropped_steps: int = 0
    n_lost_steps: int = 0
    n_refused_steps: int = 0
    n_refused_episodes: int = 0
    """Episodes whose id this recorder had finished before, and those that workers refused because the run had them already."""
    n_mismatched_values: int = 0
    """Values that were left out because they were not numbers."""
    n_episodes_started: int = 0
    n_episodes_finished: int = 0
    n_episodes_aborted: int = 0
    n_lost_episodes: int = 0
    """Episodes whose end found no room while the server was away or full, so that what arrived of their steps is salvaged; and
    those that the server has lost after their end."""
    n_chunks: int = 0
    n_bytes_encoded: int = 0
    n_bytes_sent: int = 0
    n_bytes_pending: int = 0
    """Encoded and not yet acknowledged by the server."""
    n_steps_waiting: int = 0
    """Handed over and not yet taken by what encodes them: in the hand-over queue, or on the way to the sender process."""
    n_reconnects: int = 0
    n_errors: int = 0
    """Calls that failed and were swallowed, so that training goes on."""
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
        return self.n_dropped_steps + self.n_lost_steps + self.n_refused_steps

    def count_error(self, error: Exception) -> None:
        """Count a failure; its text becomes ``last_error``, with what no heartbeat can carry replaced."""
        self.n_errors += 1
        self.last_error = holdable_text(str(error))

    def after(self, earlier: RecorderStats) -> RecorderStats:
        """A copy that counts on from where another one ended."""
        counted = {
            field.name: getattr(earlier, field.name) + getattr(self, field.name)
            for field in fields(self)
            if field.name.startswith("n_")
        }
        return replace(self, **counted, last_error=self.last_error or earlier.last_error)

    def to_map(self) -> dict[str, Any]:
        """The counters by name."""
        return asdict(self)
