"""Steps that nobody takes: of a stream without a reader, and those that stay in a ring."""

from __future__ import annotations

from recorder.black_box import Ring, RingReader, Run
from recorder.publish.stats import RecorderStats
from recorder.publish.trouble import Trouble
from recorder.step_stream import StepStream

__all__ = ["UnreadWarning", "n_steps_from"]

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
