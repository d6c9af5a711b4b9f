"""Words for people: reasons, explanations, statuses, measures and terms, the same on the page, on the command line, in
videos and in HTML files."""

from recorder.wording.measures import MEASURE_CHOICES, MEASURES, METRIC, METRIC_PREFIX, Measure, is_measure, measure_of
from recorder.wording.reasons import (
    ReasonFamily,
    count_in_words,
    explanation_in_words,
    reason_family,
    reason_glob,
    reason_in_words,
)
from recorder.wording.terms import END_WORDS, STATUS_WORDS, TERMS, StatusWord, Term, field_title, status_in_words

__all__ = [
    "END_WORDS",
    "MEASURES",
    "MEASURE_CHOICES",
    "METRIC",
    "METRIC_PREFIX",
    "STATUS_WORDS",
    "TERMS",
    "Measure",
    "ReasonFamily",
    "StatusWord",
    "Term",
    "count_in_words",
    "explanation_in_words",
    "field_title",
    "is_measure",
    "measure_of",
    "reason_family",
    "reason_glob",
    "reason_in_words",
    "status_in_words",
]
