"""Loads criteria of other packages by entry point, and keeps their errors from stopping the worker."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from recorder.errors import SettingsError
from recorder.runtime.search_path import let_user_code_be_found
from recorder.runtime.throttled_log import Throttle
from worker.criteria.base import Claim, Criterion, EpisodeSummary, Explanation, Observation

__all__ = ["ENTRY_POINT_GROUP", "GuardedCriterion", "custom_criteria", "load_criterion_class"]

ENTRY_POINT_GROUP = "hamlet_recorder.criteria"

_LOG_EVERY_SECS = 60.0
"""A criterion that fails with every episode is logged once a minute, with the count."""

_MAX_FAILURE_CHARACTERS = 300
"""Limits an exception's text, which is stored with every episode that it affects."""

_PLAIN = int | float | str | None
_T = TypeVar("_T")

logger = logging.getLogger(__name__)


def custom_criteria() -> dict[str, EntryPoint]:
    """Return the entry points of installed criteria by name, without importing them."""
    let_user_code_be_found()
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def load_criterion_class(point: EntryPoint) -> type[Criterion]:
    """Import a custom criterion.

    Raises:
        SettingsError: it cannot be imported, or is not a concrete subclass of ``Criterion``.
    """
    where = f"custom criterion {point.name!r} ({point.value})"
    try:
        loaded = point.load()
    except Exception as error:  # third-party code may raise anything
        raise SettingsError(
            f"{where} can't be imported: {type(error).__name__}: {error}; "
            f"repair or reinstall its package, or remove it from the criteria"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Criterion)):
        raise SettingsError(f"{where} must be a subclass of worker.criteria.Criterion, found {loaded!r}")
    if missing := sorted(loaded.__abstractmethods__):
        raise SettingsError(f"{where} must implement {', '.join(missing)}")
    return loaded


class GuardedCriterion(Criterion):
    """Wraps a custom criterion so that its failures affect only its own reasons.

    An exception or an answer of the wrong type counts as no claim. It is logged at most once a minute, and written in
    the episode's explanation. Released episodes are found by comparing ``held()`` before and after, in time
    proportional to its size.

    Args:
        criterion: the custom criterion.
        name: its name in the configuration and in explanations.
    """

    def __init__(self, criterion: Criterion, name: str) -> None:
        self.name = name
        self._criterion = criterion
        self._held: frozenset[int] = frozenset()
        self._n_failures = 0
        self._throttle = Throttle(_LOG_EVERY_SECS)
        self._failure = ""

    def observe(self, episode: EpisodeSummary) -> Observation:
        """Ask the custom criterion, and find what it has released."""
        answer = self._guarded("observe", lambda: _checked_observation(self._criterion.observe(episode)), None)
        before, self._held = self._held, self._held_now()
        released = tuple(sorted(before - self._held))
        if answer is None:
            detail = f"not judged: the criterion failed: {self._failure}"
            return Observation((), Explanation(self.name, False, None, None, detail), released)
        explanation = answer.explanation._replace(criterion=self.name)
        return Observation(tuple(answer.claims), explanation, released)

    def held(self) -> Collection[int]:
        """Return what the custom criterion held after its last answer."""
        return self._held

    def end_run(self) -> Sequence[Claim]:
        """Return its last claims."""
        self._held = frozenset()
        return self._guarded("end_run", lambda: _checked_claims(self._criterion.end_run()), ())

    def state(self) -> dict[str, Any]:
        """Return its state, or an empty map if that is not JSON."""
        return self._guarded("state", lambda: _checked_state(self._criterion.state()), {})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore its state. If the state was lost, the criterion starts anew."""
        if state:
            self._guarded("restore", lambda: self._criterion.restore(state), None)
        self._held = self._held_now()

    def _held_now(self) -> frozenset[int]:
        return self._guarded("held", lambda: frozenset(self._criterion.held()), frozenset())

    def _guarded(self, method: str, call: Callable[[], _T], otherwise: _T) -> _T:
        """Return the result of the call. If it raises, count and log the failure and return ``otherwise``."""
        try:
            return call()
        except Exception as error:
            self._n_failures += 1
            self._failure = f"{method} raised {type(error).__name__}: {error}"[:_MAX_FAILURE_CHARACTERS]
            if self._throttle.is_due(self.name):
                message = "custom criterion failed criterion=%s method=%s n_failures=%d"
                logger.exception(message, self.name, method, self._n_failures)
            return otherwise


def _checked_observation(answer: object) -> Observation:
    if not (isinstance(answer, Observation) and isinstance(answer.explanation, Explanation)):
        raise TypeError(f"expected an Observation with an Explanation, got {answer!r}")
    _checked_claims(answer.claims)
    it = answer.explanation
    if not (isinstance(it.value, _PLAIN) and isinstance(it.threshold, _PLAIN) and isinstance(it.detail, str)):
        raise TypeError(f"expected a number, a str or None as value and threshold, and a str as detail, got {it!r}")
    return answer


def _checked_claims(answer: Sequence[Claim]) -> tuple[Claim, ...]:
    claims = tuple(answer)
    for claim in claims:
        if not (isinstance(claim, Claim) and isinstance(claim.episode_id, int) and isinstance(claim.reason, str)):
            raise TypeError(f"expected Claim(episode_id: int, reason: str), got {claim!r}")
    return claims


def _checked_state(answer: dict[str, Any]) -> dict[str, Any]:
    json.dumps(answer, allow_nan=False)
    return answer
