"""One sender process, and the socket that joins it to its trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recorder.capture.wire import Hello, Message, Report, receive, send
from recorder.child_process import spawn_linked

__all__ = ["SenderLink"]


class SenderLink:
    """Starts the process.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self) -> None:
        self._process, self._connection = spawn_linked("recorder.capture.sender_process")

    def begin(self, hello: Hello, timeout_secs: float) -> list[Report]:
        """Say the first word and wait until the process has begun, or so long that it may as well begin later.

        Returns:
            Its first reports; none when it takes longer.

        Raises:
            OSError: it has ended instead.
        """
        try:
            self.send([hello])
            return list(self.reports()) if self.has_report(timeout_secs) else []
        except Exception as error:
            self.kill()
            self.close()
            raise OSError(f"it ended {self.wait()} before it had begun: {error or type(error).__name__}") from error

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def send(self, messages: Sequence[Hello | Message]) -> None:
        """Write messages, all at once.

        Raises:
            OSError: the process has ended.
            Exception: something in a message can't be pickled; nothing was written.
        """
        send(self._connection, messages)

    def has_report(self, timeout_secs: float) -> bool:
        """Whether a report is there, or comes within that time; also when there is no more to come.

        Raises:
            OSError: the socket is closed.
        """
        return self._connection.poll(timeout_secs)

    def reports(self) -> Iterator[Report]:
        """The reports that are there.

        Raises:
            EOFError, OSError: there are no more to come.
        """
        while self.has_report(0):
            yield from receive(self._connection)

    def close(self) -> None:
        """Let go of the socket: the process ends once it has done what is left to do."""
        self._connection.close()

    def kill(self) -> None:
        """End it at once; what it holds is lost."""
        self._process.kill()

    def wait(self) -> str:
        """Wait for its end, and tell what ended it."""
        status = self._process.wait()
        return f"by signal {-status}" if status < 0 else f"with status {status}"
