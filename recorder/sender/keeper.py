"""The trainer's side of a sender process: starts it, looks after it, replaces it, and waits for its end.

No thread and no socket: the trainer looks at the ring's header when it has a moment. A sender that dies loses nothing; the
next one goes on where the server says that it was.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import threading
import time
from pathlib import Path

from recorder import errors
from recorder.black_box import Message, Outcome, PagesAhead, Ring
from recorder.black_box.places import recover_command
from recorder.child_process import spawn_detached
from recorder.errors import BlackBoxError, RecorderError, StreamUnavailableError
from recorder.publish.limits import PublisherLimits
from recorder.runtime.throttled_log import ThrottledLog
from recorder.sender.base import CLOSE_GRACE_SECS, Order, Sender
from recorder.sender.files import remove_files
from recorder.step_stream import StepStream

__all__ = ["SenderProcess"]

_log = logging.getLogger(__name__)

_BEGIN_SECS = 2.0
"""How long a recorder waits for its process to begin, which takes 0.3 s when the machine has time. Steps wait in the ring, but
a machine where no such process can live is noticed by then."""

_LOOK_SECS = 1.0
"""How often the trainer asks the system whether the process lives."""

_FIRST_BACKOFF_SECS = 0.25
_LONGEST_BACKOFF_SECS = 5.0
_SOUND_LIFE_SECS = 10.0
"""A process that lived so long had no trouble to begin: the next one is started at once."""

_STILL_SECS = 30.0
"""A process whose pulse stands still for longer hangs, or was stopped."""

_POLL_SECS = 0.005
_REAP_SECS = 1.0


class SenderProcess(Sender):
    """Owns a sender process, one after another if need be.

    Args:
        stream: where entries go; it is pickled for the process.
        ring: in a file; its trainer is this process.
        limits: of the publisher.

    Raises:
        OSError: no process can be started.
    """

    def __init__(self, stream: StepStream, ring: Ring, limits: PublisherLimits) -> None:
        assert ring.path is not None
        self._ring = ring
        self._path: Path = ring.path
        self._stream = stream
        self._limits = limits
        self._run_id = str(ring.identity["run_id"])
        self._log = ThrottledLog(_log, self._run_id)
        self._is_complete = False
        self._owner_pid = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._reason = ""
        """What ended the last process."""
        self._backoff_secs = 0.0
        self._not_before = 0.0
        self._next_look = 0.0
        self._looking = threading.Lock()
        self._n_messages = ring.n_messages
        self._pulse, self._pulse_at = ring.pulse, time.monotonic()
        self._has_said_still = False
        self._trouble = ""
        """What another program has done to the file."""
        self._begin()

    @property
    def pid(self) -> int | None:
        """Of the process that sends now; None while there is none."""
        return None if self._process is None else self._process.pid

    def look(self) -> bool:
        """See ``Sender.look``; reads two numbers of the ring's header when nothing has happened."""
        if os.getpid() != self._owner_pid:
            return False
        if self._ring.n_messages != self._n_messages:
            self._relay()
        now = time.monotonic()
        if now >= self._next_look and self._looking.acquire(blocking=False):
            try:
                self._next_look = now + _LOOK_SECS
                self._look_closely(now)
            finally:
                self._looking.release()
        return not self._trouble

    def close_soon(self) -> None:
        """See ``Sender.close_soon``; the process reads in the ring until when it may go on."""

    def forget_in_fork(self) -> None:
        """See ``Sender.forget_in_fork``; a fork sees by its process id that the ring is not its own."""

    @property
    def _is_over(self) -> bool:
        return self._ring.outcome is not Outcome.AT_WORK

    def _begin(self) -> None:
        pulse = self._ring.pulse
        self._start()
        PagesAhead(self._ring).make()  # a page made here costs a call nothing, and there is time
        deadline = time.monotonic() + _BEGIN_SECS
        # Its second beat comes after its first words with Redis: what the trainer has to know at its start.
        while self._ring.pulse < pulse + 2 and time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise OSError(f"it ended {self._last_end()} before it had begun")
            time.sleep(_POLL_SECS)
        self._relay()

    def _start(self) -> None:
        self._ring.outcome = Outcome.AT_WORK
        self._process = spawn_detached(
            "recorder.sender.process", Order(self._stream, self._path.absolute(), self._limits).packed()
        )
        self._began = time.monotonic()
        self._pulse, self._pulse_at, self._has_said_still = self._ring.pulse, self._began, False

    def _look_closely(self, now: float) -> None:
        if self._trouble:
            return
        lives = self._process is not None and self._process.poll() is None
        trouble = self._ring.why_unusable()
        if self._is_over:  # looked at last: a process that ends as it should says so, and then removes the file
            if self._ring.close_by:
                return
            trouble = "its sender has given it up"
        if trouble and lives and not self._path.exists():
            # What is mapped can still be read: steps arrive as long as neither process dies.
            self._log.error(
                "somebody deleted the black box: steps that wait there do not survive this process: %s", self._path
            )
        elif trouble:
            self._trouble = trouble
            self.error = BlackBoxError(f"the black box is of no use any more, because {trouble}: {self._path}")
            _log.error("recorder: run_id=%s: nothing is recorded any more: %s", self._run_id, self.error)
        elif lives:
            self._look_at_pulse(now)
        elif now >= self._not_before:
            self._replace(now)

    def _look_at_pulse(self, now: float) -> None:
        pulse = self._ring.pulse
        if pulse != self._pulse:
            self._pulse, self._pulse_at, self._has_said_still = pulse, now, False
        elif now - self._pulse_at > _STILL_SECS and not self._has_said_still:
            self._has_said_still = True
            self._log.error("the sender process (pid %s) stands still; steps wait in %s", self.pid, self._path)

    def _replace(self, now: float) -> None:
        """Start another process in the place of one that died."""
        if self._process is not None:
            self._reason = f"the sender process (pid {self._process.pid}) ended {self._last_end()}"
            self._process = None
            self.error = RecorderError(self._reason)
            if now - self._began >= _SOUND_LIFE_SECS:
                self._backoff_secs = 0.0
            self._not_before = now + self._backoff_secs
            self._backoff_secs = min(max(2 * self._backoff_secs, _FIRST_BACKOFF_SECS), _LONGEST_BACKOFF_SECS)
            if now < self._not_before:
                return
        try:
            self._start()
        except OSError as error:
            self._not_before = now + self._backoff_secs
            self._log.error("%s, and no other can be started for now: %s", self._reason, error)
            return
        self._log.error("%s; process %s goes on, and nothing is lost", self._reason, self.pid)

    def close(self, timeout_secs: float) -> bool:
        """See ``Sender.close``."""
        if os.getpid() != self._owner_pid or self._is_complete:
            return self._is_complete
        deadline = time.monotonic() + timeout_secs + CLOSE_GRACE_SECS
        while not self._is_over and time.monotonic() < deadline:
            self._next_look = 0.0
            if not self.look():
                break
            time.sleep(_POLL_SECS)
        self._reap()
        self._relay()
        self._is_complete = self._ring.outcome is Outcome.ALL_SENT
        self._ring.close()
        if self._is_complete:
            remove_files(self._path)
        else:
            command = recover_command(self._path, self._ring.server)
            self.error = StreamUnavailableError(
                f"not everything was sent in time; it stays in the black box; run: {command}"
            )
        return self._is_complete

    def _reap(self) -> None:
        """Wait for the end of the process, which has nothing left to do."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_REAP_SECS if self._is_over else 0.0)
        if process.poll() is None:
            process.kill()
            process.wait()

    def _last_end(self) -> str:
        status = None if self._process is None else self._process.poll()
        return f"by signal {-status}" if status is not None and status < 0 else f"with status {status}"

    def _relay(self) -> None:
        """Log what the process has to say: the trainer knows where its log goes."""
        seen, self._n_messages = self._n_messages, self._ring.n_messages
        for message in self._ring.messages(after=seen):
            logging.getLogger(message.logger).log(message.level, "%s", message.text)
            if message.error_class is not None:
                self.error = _error_of(message)


def _error_of(message: Message) -> Exception:
    kind = getattr(errors, message.error_class or "", RecorderError)
    if not (isinstance(kind, type) and issubclass(kind, RecorderError)):
        kind = RecorderError
    return kind(message.error_text or message.text)
