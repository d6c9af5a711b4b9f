"""The state that the functions of ingest share, created once per process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from recorder.catalog import Catalog
from recorder.runtime.python_versions import UTC
from recorder.settings import IngestSettings
from recorder.step_stream import StepStream
from recorder.storage import Storage
from worker.criteria import Criterion, Evaluator

__all__ = ["IngestContext", "IngestLimits"]


class IngestLimits(IngestSettings):
    """The settings under ``ingest``, and what else bounds the work."""

    thorough_sweep_secs: float = 600.0
    """Pause between comparisons of the streams with the catalog. Each reads every key in Redis and every file name
    on disk."""
    format: int = 2
    compression: str = "lz4"


@dataclass(slots=True)
class IngestContext:
    """Streams, catalog, storage, criteria and a clock.

    Args:
        make_criteria: returns new criteria for a run.
        now_secs: returns seconds since 1970.
        evaluators: run id to the cursor and evaluator after the last commit. Only a cache: it saves restoring the
            evaluator.
    """

    stream: StepStream
    catalog: Catalog
    storage: Storage
    make_criteria: Callable[[], Sequence[Criterion]]
    limits: IngestLimits = field(default_factory=IngestLimits)
    now_secs: Callable[[], float] = time.time
    evaluators: dict[str, tuple[str, Evaluator]] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now_secs(), UTC)
