"""Decides which episodes are kept: one criterion per file, and the evaluator that combines them.

Pure functions of the episodes seen so far, without I/O or a clock. Their state is bounded and can be stored as JSON.
"""

from worker.criteria.base import Claim, Criterion, EpisodeSummary, Explanation, Observation
from worker.criteria.build import build_criteria
from worker.criteria.evaluator import Decided, Evaluator
from worker.criteria.factory import GivenCriteria, criteria_factory
from worker.criteria.pending import Pending
from worker.criteria.performance import PerformanceCriterion
from worker.criteria.periodic import PeriodicCriterion
from worker.criteria.stage_boundaries import StageBoundariesCriterion
from worker.criteria.stage_transitions import StageTransitionCriterion

__all__ = [
    "Claim",
    "Criterion",
    "Decided",
    "EpisodeSummary",
    "Evaluator",
    "Explanation",
    "GivenCriteria",
    "Observation",
    "Pending",
    "PerformanceCriterion",
    "PeriodicCriterion",
    "StageBoundariesCriterion",
    "StageTransitionCriterion",
    "build_criteria",
    "criteria_factory",
]
