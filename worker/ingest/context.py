"""What the functions of ingest work on, made once a process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from recorder.catalog import Catalog
from recorder.step_stream import StepStream
from recorder.storage import Storage
from worker.criteria import Criterion, Evaluator

__all__ = ["IngestContext", "IngestLimits"]


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """Batch sizes, leases and waits; the settings under ``ingest`` say what each is for."""

    batch_episodes: int = 2000
    write_batch_episodes: int = 128
    lease_secs: float = 60.0
    max_attempts: int = 3
    abandoned_after_secs: float = 30.0
    compact_below_steps: int = 64
    thorough_sweep_secs: float = 600.0
    """How often streams are compared with the catalog: this reads every key of the server, and every name on the disk."""
    format: int = 2
    compression: str = "lz4"


@dataclass(slots=True)
class IngestContext:
    """Streams, catalog and storage, the criteria, and a clock.

    Args:
        make_criteria: a fresh set of criteria, for each run.
        now_secs: seconds since 1970.
        evaluators: run id to the cursor and the evaluator that the last commit left; saves restoring it, never decides
            anything.
    """

    stream: StepStream
    catalog: Catalog
    storage: Storage
    make_criteria: Callable[[], Sequence[Criterion]]
    limits: IngestLimits = field(default_factory=IngestLimits)
    now_secs: Callable[[], float] = time.time
    evaluators: dict[str, tuple[str, Evaluator]] = field(default_factory=dict)

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.fromtimestamp(self.now_secs(), UTC)
