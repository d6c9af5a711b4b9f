"""What every criterion speaks: the summary it sees, what it answers, and the interface it implements.

Criteria are pure: no I/O, no clock, no random source. ``evaluator.py`` combines them, ``custom.py`` loads those of
other packages. What they see and answer are named tuples because these are made for each episode.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from recorder.episode import EpisodeStatus
from recorder.errors import UsageError

__all__ = ["Claim", "Criterion", "EpisodeSummary", "Explanation", "Observation", "checked_count", "plain_number"]


class EpisodeSummary(NamedTuple):
    """What a criterion knows of a finished episode.

    Args:
        episode_id: number of the episode within its run.
        play_id: which playing of it; of two, the larger is the later.
        lane: index of the sub-environment that played it.
        curriculum_stage: stage in which it was played; None where nobody told it.
        total_reward: its return; may be NaN or infinite.
        survival_steps: steps survived; n_steps: steps that the recording holds.
        status: how it ended; a criterion never sees ``aborted``.
        manual_reasons: names given to ``recorder.keep`` before it ended, without the prefix ``manual_``.
        info: the free map of its metadata.
    """

    episode_id: int
    play_id: int
    lane: int
    curriculum_stage: int | None
    total_reward: float
    survival_steps: int
    n_steps: int
    status: EpisodeStatus = EpisodeStatus.COMPLETE
    manual_reasons: tuple[str, ...] = ()
    info: Mapping[str, Any] = MappingProxyType({})


class Claim(NamedTuple):
    """A criterion wants this episode kept, and says why (``stage_1_pre_transition``)."""

    episode_id: int
    reason: str


class Explanation(NamedTuple):
    """How one criterion judged one episode; ``why`` prints it.

    Args:
        criterion: name of the criterion.
        keep: None while the criterion may still claim the episode.
        value: what was measured; None when nothing was.
        threshold: what the value was held against; None when there was nothing.
        detail: the rule in words. It holds no number of this one episode: equal details are stored once.
    """

    criterion: str
    keep: bool | None
    value: float | str | None = None
    threshold: float | str | None = None
    detail: str = ""


class Observation(NamedTuple):
    """A criterion's answer to one episode.

    Args:
        claims: episodes to keep, this one or earlier ones that the criterion held.
        explanation: of this episode.
        released: earlier episodes that the criterion held until now and lets go. A custom criterion leaves it out:
            there it is found by comparing ``held()`` before and after.
    """

    claims: tuple[Claim, ...]
    explanation: Explanation
    released: tuple[int, ...] = ()


class Criterion(ABC):
    """Sees the finished episodes of one run, one by one, and says which to keep.

    A subclass sets ``name`` (unique, a key of the configuration) and implements ``observe``. One that looks back also
    implements ``held`` and ``end_run``; one with a memory ``state`` and ``restore``. Whatever it remembers is bounded.
    """

    name: str

    @abstractmethod
    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judges the next finished episode; an id seen before is a later play, which replaces the earlier."""

    def held(self) -> Collection[int]:
        """Ids of the episodes that may still be claimed; membership is fast."""
        return frozenset()

    def end_run(self) -> Sequence[Claim]:
        """Settles what only the run's end settles; nothing is held after it. The run may be resumed."""
        return ()

    def state(self) -> dict[str, Any]:
        """All that is remembered, as strict JSON (no NaN, string keys), small enough to be stored with every batch."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most criteria remember nothing
        """Takes back what ``state`` gave, also under other settings: what no longer fits is let go."""


def checked_count(criterion: str, argument: str, value: object, *, minimum: int = 0, maximum: int) -> int:
    """The value of a constructor's argument, when it is a whole number within the limits.

    Raises:
        UsageError: it is not; the message tells the limits.
    """
    if isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum:
        return value
    raise UsageError(f"{criterion}: {argument} must be a whole number from {minimum} to {maximum}, got {value!r}")


def plain_number(value: float | str | None) -> float | str | None:
    """The value as strict JSON can hold it: ``"nan"``, ``"inf"`` and ``"-inf"``, which ``float()`` reads back."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
