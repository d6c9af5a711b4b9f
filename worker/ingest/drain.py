"""Does the work of the tasks in this process, without tasks, locks or anything else that needs memory in Redis."""

from __future__ import annotations

from worker.ingest.context import IngestContext
from worker.ingest.evaluate import evaluate_run
from worker.ingest.sweep import drop_decided
from worker.ingest.write import claim_and_write

__all__ = ["drain_run"]


def drain_run(context: IngestContext, run_id: str) -> bool:
    """Decide a batch of a run's episodes, write a batch of those kept, and delete streams that are no longer needed.

    Several workers may call it at once.

    Returns:
        Whether there may be more to do.

    Raises:
        StreamUnavailableError, CatalogUnavailableError: call again later; completed work is kept.
    """
    evaluation = evaluate_run(context, run_id, max_batches=1)
    n_claimed = claim_and_write(context, run_id)
    drop_decided(context, run_id)
    return evaluation.has_more or n_claimed > 0
