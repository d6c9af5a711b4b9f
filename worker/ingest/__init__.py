"""Evaluates, writes and sweeps episodes outside the training process. Plain functions, called by Celery tasks or a
thread."""

from worker.ingest.context import IngestContext, IngestLimits
from worker.ingest.evaluate import Evaluation, evaluate_run, report_known_run
from worker.ingest.place import WriteResult
from worker.ingest.sweep import SweepResult, drain_run, sweep
from worker.ingest.write import claim, claim_and_write, write_batches, write_episodes

__all__ = [
    "Evaluation",
    "IngestContext",
    "IngestLimits",
    "SweepResult",
    "WriteResult",
    "claim",
    "claim_and_write",
    "drain_run",
    "evaluate_run",
    "report_known_run",
    "sweep",
    "write_batches",
    "write_episodes",
]
