"""The loop that reads a ring, makes chunks and sends them, and tries again when it can't."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from recorder.black_box import Ring
from recorder.publish.limits import PublisherLimits
from recorder.step_stream import StepStream

__all__ = ["OnMessage", "Publisher"]

OnMessage = Callable[[int, str, str, Exception | None], None]
"""Given the level of a log line, its logger's name, its text, and the error that it tells of, if any."""


class Publisher:
    """Reads, encodes and sends, on the thread that calls ``run``.

    Args:
        stream: where entries go.
        ring: locked for the sender by the caller; its identity names the run and this producer.
        journal: file that a successor goes on from; None for a ring that dies with the process.
        limits: intervals and budgets.
        spool: file for what waits while the server is away, as far as ``limits.spool_bytes`` allows.
        shares_interpreter: whether the trainer runs in this process, so that this thread looks and cuts less often.
        on_message: what the trainer, or whoever recovers a file, has to know.

    Raises:
        BlackBoxError: another program has written into the ring or the journal.
    """

    def __init__(
        self,
        stream: StepStream,
        ring: Ring,
        journal: Path | None,
        limits: PublisherLimits,
        *,
        spool: Path | None = None,
        shares_interpreter: bool = False,
        on_message: OnMessage,
    ) -> None:
        raise NotImplementedError

    error: Exception | None
    """The last failure."""

    @property
    def n_unsent_steps(self) -> int:
        """Steps that were read and that the server has not acknowledged."""
        raise NotImplementedError

    def run(self, until: Callable[[], bool] | None = None) -> bool:
        """Publish until the trainer has closed or is gone and everything is sent, its time to close is up, or ``until`` says
        that it is enough.

        Sets ``ring.outcome`` at the end.

        Returns:
            Whether everything that the ring held was sent.
        """
        raise NotImplementedError
