"""The sender as a thread of the trainer: for streams of this process, and where no process can be started."""

from __future__ import annotations

import logging
import threading

from recorder.black_box import Ring
from recorder.black_box.places import journal_of, recover_command, spool_of
from recorder.errors import StreamUnavailableError
from recorder.publish import PublisherLimits
from recorder.publish.publisher import Publisher
from recorder.sender.base import CLOSE_GRACE_SECS, Sender
from recorder.sender.files import remove_files
from recorder.step_stream import StepStream

__all__ = ["SenderThread"]

_log = logging.getLogger(__name__)


class SenderThread(Sender):
    """Runs a publisher.

    Args:
        stream: where entries go.
        ring: anonymous, or in a file that outlives this process.
        limits: of the publisher.
    """

    def __init__(self, stream: StepStream, ring: Ring, limits: PublisherLimits) -> None:
        self._ring = ring
        self._is_complete = False
        path = ring.path
        ring.lock_as_sender()
        self._publisher = Publisher(
            stream,
            ring,
            None if path is None else journal_of(path),
            limits,
            spool=None if path is None else spool_of(path),
            shares_interpreter=True,
            on_message=self._take_message,
        )
        self._thread = threading.Thread(target=self._run, name=f"recorder-{ring.identity['run_id']}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """None: it is no process."""
        return None

    def look(self) -> bool:
        """See ``Sender.look``."""
        return self._thread.is_alive()

    def close_soon(self) -> None:
        """See ``Sender.close_soon``; the thread reads in the ring until when it may go on."""
        self._publisher.wake.set()

    def forget_in_fork(self) -> None:
        """See ``Sender.forget_in_fork``; a fork has no such thread."""

    def _run(self) -> None:
        try:
            self._is_complete = self._publisher.run()
        except Exception as error:  # noqa: BLE001 - a defect must not end without a word
            self.error = error
            _log.exception("the thread that sends has ended: nothing is recorded any more")
        path = self._ring.path
        if path is not None and self._is_complete:
            remove_files(path)

    def close(self, timeout_secs: float) -> bool:
        """See ``Sender.close``."""
        if self._thread.is_alive():  # never in a fork
            self._publisher.wake.set()
            self._thread.join(timeout_secs + CLOSE_GRACE_SECS)
        path = self._ring.path
        if not self._thread.is_alive():
            self._ring.close()
        if path is not None and not self._is_complete:
            self.error = StreamUnavailableError(
                f"not everything was sent in time; it stays in the black box; run: {recover_command(path, self._ring.server)}"
            )
        return self._is_complete

    def _take_message(self, level: int, logger: str, text: str, error: Exception | None) -> None:
        if error is not None:
            self.error = error
        logging.getLogger(logger).log(level, "%s", text)
