"""Restores the criteria of a run as of its last commit, from memory or from the catalog."""

from __future__ import annotations

import json
import logging

from recorder.catalog import Decision, RunState
from worker.criteria import Evaluator
from worker.ingest.context import IngestContext

__all__ = ["restore_evaluator"]

_log = logging.getLogger(__name__)

_LOST = json.dumps(
    [
        {
            "criterion": "salvaged",
            "keep": True,
            "value": None,
            "threshold": None,
            "detail": "kept because the state of the criteria was lost before they had decided",
            "reasons": ["salvaged"],
        }
    ]
)


def restore_evaluator(context: IngestContext, run_id: str, state: RunState) -> tuple[Evaluator, list[Decision]]:
    """Return the evaluator at the run's cursor.

    It is removed from the cache, because a batch that fails leaves it between two commits.

    Returns:
        The evaluator, and decisions to keep the held episodes if the catalog's copy of the state was broken.

    Raises:
        UsageError: another version of hamlet-recorder wrote the state; use that version for this run.
    """
    cached = context.evaluators.pop(run_id, None)
    if cached is not None and cached[0] == state.cursor:
        return cached[1], []
    evaluator = Evaluator(context.make_criteria())
    try:
        if state.criteria_state:
            evaluator.restore(state.criteria_state)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        held = context.catalog.held_episode_ids(run_id)
        _log.error(
            "the state of the criteria of run_id=%s is broken (%s: %s): they start anew, and %d undecided episodes are kept",
            run_id,
            type(error).__name__,
            error,
            len(held),
        )
        evaluator = Evaluator(context.make_criteria())
        return evaluator, [Decision(episode_id, "kept", ("salvaged",), _LOST) for episode_id in held]
    return evaluator, []
