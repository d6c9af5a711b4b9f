"""What a publisher says and asks once a second: that it lives, how full the server is, and what has become of what it sent."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from recorder.publish.delivery.outbox import Outbox
from recorder.publish.identity import RunIdentity
from recorder.publish.limits import PublisherLimits
from recorder.publish.run_watch import RunWatch
from recorder.publish.stats import RecorderStats
from recorder.step_stream import StepStream

__all__ = ["Heartbeats"]


class Heartbeats:
    """Speaks for the trainer.

    Args:
        stream: of the run.
        identity: the run and this producer.
        info: what is to be known of the run: its config and the like.
        limits: how often, and how full the server may be.
        pid: of the trainer.
        outbox: asked whether the server still has what it has acknowledged.
        watch: asked what workers have refused.
        has_looked_back: whether a predecessor has asked what there was of the run before.
        on_warning: given what is to be said once.
        on_full: given how full the server is and may be, when that begins to be too much.
    """

    def __init__(
        self,
        stream: StepStream,
        identity: RunIdentity,
        *,
        info: Mapping[str, Any],
        limits: PublisherLimits,
        pid: int,
        outbox: Outbox,
        watch: RunWatch,
        has_looked_back: bool,
        on_warning: Callable[[str], None],
        on_full: Callable[[int, int], None],
    ) -> None:
        self._stream = stream
        self._identity = identity
        self._info = info
        self._limits = limits
        self._pid = pid
        self._outbox = outbox
        self._watch = watch
        self._has_looked_back = has_looked_back
        self._on_warning = on_warning
        self._on_full = on_full
        self._server_id = ""
        self._has_said_blind = False
        self.is_info_sent = False
        """Whether the server knows ``info``."""

    def beat(self, stats: RecorderStats, state: Mapping[str, Any], *, is_closed: bool) -> None:
        """Say that the trainer lives; ask the rest.

        Args:
            stats: learns whether the server is full.
            state: the counters.
            is_closed: the trainer has ended its part of the run.

        Raises:
            StreamError: the server does not answer.
        """
        run_id, producer_id = self._identity.run_id, self._identity.producer_id
        if not self._has_looked_back:
            self._watch.look_back()
            self._has_looked_back = True
        said = {**state, "host": socket.gethostname(), "pid": self._pid, "closed": is_closed}
        info = None if self.is_info_sent else self._info
        self._stream.beat(run_id, producer_id, said, info=info, now=time.time())
        self.is_info_sent = True
        self._outbox.look_after()
        self._outbox.discount(self._watch.look())
        memory = self._stream.server_memory()
        if memory.server_id != self._server_id and self._server_id:
            # Restarted between two sends: the driver connected again without a word.
            self._outbox.repeat_recent()
        self._server_id = memory.server_id
        if not memory.server_id and not self._has_said_blind:
            self._has_said_blind = True
            self._on_warning(
                "the server tells this user nothing of its memory (INFO is refused): sending goes on until it refuses writes; "
                "allow +info, so that it pauses before that"
            )
        limit = self._limits.max_server_memory_bytes
        if memory.limit_bytes is not None:
            limit = min(limit, int(memory.limit_bytes * self._limits.server_memory_fraction))
        was_full, stats.is_server_full = stats.is_server_full, memory.used_bytes > limit
        if stats.is_server_full and not was_full:
            self._on_full(memory.used_bytes, limit)
