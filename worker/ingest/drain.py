"""What the tasks do for a run, done here and now: without a task, a lock, or anything else that takes memory on the server."""

from __future__ import annotations

from worker.ingest.context import IngestContext
from worker.ingest.evaluate import evaluate_run
from worker.ingest.sweep import drop_settled
from worker.ingest.write import claim_and_write

__all__ = ["drain_run"]


def drain_run(context: IngestContext, run_id: str) -> bool:
    """Decide a batch of a run's episodes, write a batch of what is kept, drop what is settled.

    Several workers may do so at once.

    Returns:
        Whether more waits.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later; what is done stays done.
    """
    evaluation = evaluate_run(context, run_id, max_batches=1)
    n_claimed = claim_and_write(context, run_id)
    drop_settled(context, run_id)
    return evaluation.has_more or n_claimed > 0
