"""What sends for a recorder: a process of its own, or a thread."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from recorder.capture.handover import HandOver
from recorder.capture.limits import PublisherLimits
from recorder.capture.losses import TrainerLosses
from recorder.capture.publisher import Publisher
from recorder.capture.remote_publisher import RemotePublisher
from recorder.capture.stats import RecorderStats
from recorder.capture.summary import RunIdentity
from recorder.capture.wire import Hello
from recorder.step_stream import RedisStepStream, StepStream

__all__ = ["make_publisher"]

_log = logging.getLogger(__name__)


def make_publisher(
    stream: StepStream,
    identity: RunIdentity,
    handover: HandOver,
    away: TrainerLosses,
    *,
    in_own_process: bool,
    info: dict[str, Any],
    limits: PublisherLimits,
    on_lost: Callable[[], Callable[[str], None] | None],
) -> Publisher | RemotePublisher:
    """A publisher that has not been started.

    Args:
        in_own_process: let a process of its own do the work, when ``stream`` leads to a server and one can be started.
        on_lost: as for ``RemotePublisher``.
    """
    # A stream of a kind of its own may have ties to this process.
    if in_own_process and type(stream) is RedisStepStream:
        hello = Hello(stream, os.getpid(), identity, info, limits)
        try:
            return RemotePublisher(hello, handover, away, on_lost=on_lost)
        except OSError as error:
            _log.warning(
                "recorder: run_id=%s: no sender process can be started (%s): a thread of the trainer encodes and sends, "
                "which takes more of its time",
                identity.run_id, error,
            )  # fmt: skip
    return Publisher(stream, identity, handover, RecorderStats(), away=away, info=info, limits=limits, pid=os.getpid())
