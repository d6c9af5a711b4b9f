"""What a sender process does beside its own work: recover the black boxes that earlier trainers left in the same folder."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from recorder.sender.recovery import FoundBox, recover_folder
from recorder.sender.whose import check_same_server
from recorder.step_stream import StepStream

__all__ = ["Neighbours"]

_log = logging.getLogger(__name__)

_FIRST_SECS = 2.0
"""The trainer's own first steps come first."""

_END_SECS = 3.0
_PATIENCE_SECS = 10.0
"""For a server that does not answer; whoever comes next tries again."""


class Neighbours:
    """Looks once, on a thread, within a ``with`` block.

    Args:
        stream: of the trainer.
        own: the trainer's ring, which must not be opened again.
    """

    def __init__(self, stream: StepStream, *, own: Path) -> None:
        self._stream = stream
        self._own = own
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recovery", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join(_END_SECS)

    def _run(self) -> None:
        if self._is_over.wait(_FIRST_SECS):
            return
        try:
            recover_folder(
                self._own.parent, self._stream_of, secs=_PATIENCE_SECS, is_over=self._is_over.is_set, but=[self._own]
            )
        except Exception:  # noqa: BLE001 - the trainer's own steps go on
            _log.exception("what earlier trainers left is not recovered: a defect")

    def _stream_of(self, box: FoundBox) -> StepStream:
        check_same_server(box, self._stream)
        return self._stream
