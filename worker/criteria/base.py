"""The interface of a criterion: the summary it receives and the answer it returns.

Criteria are pure: no I/O, no clock, no random source. ``evaluator.py`` combines them; ``custom.py`` loads those of
other packages. Summaries and answers are named tuples because they are made for each episode.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from recorder.agents.whose_return import AgentReturn
from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from recorder.settings.fields import Section, bounds_of

__all__ = [
    "Claim",
    "Criterion",
    "EpisodeSummary",
    "Explanation",
    "Observation",
    "checked_count",
    "checked_setting",
    "plain_number",
]


class EpisodeSummary(NamedTuple):
    """What a criterion sees of a finished episode.

    Args:
        episode_id: number of the episode within its run.
        play_id: identifies this play of the episode; a later play has a larger id.
        lane: index of the sub-environment.
        curriculum_stage: stage of the episode; None if unknown.
        total_reward: its return; may be NaN or infinite.
        survival_steps: steps survived.
        n_steps: steps in the recording.
        status: how it ended; never ``aborted``.
        manual_reasons: names passed to ``recorder.keep`` before the end, without the prefix ``manual_``.
        info: the free map in its metadata.
        agents: of several agents, each with its return; empty for a single agent.
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
    agents: tuple[AgentReturn, ...] = ()


class Claim(NamedTuple):
    """A criterion's request to keep an episode, with the reason (``stage_1_pre_transition``)."""

    episode_id: int
    reason: str


class Explanation(NamedTuple):
    """How one criterion judged one episode; the command ``why`` prints it.

    Args:
        criterion: name of the criterion.
        keep: None while the criterion may still claim the episode.
        value: what was measured; None if nothing.
        threshold: what the value was compared with; None if nothing.
        detail: the rule in words, without numbers of this episode: equal details are stored once.
    """

    criterion: str
    keep: bool | None
    value: float | str | None = None
    threshold: float | str | None = None
    detail: str = ""


class Observation(NamedTuple):
    """A criterion's answer to one episode.

    Args:
        claims: episodes to keep: this one, or earlier ones that the criterion held.
        explanation: of this episode.
        released: earlier episodes that the criterion no longer holds. A custom criterion may omit it; then ``held()``
            before and after are compared.
    """

    claims: tuple[Claim, ...]
    explanation: Explanation
    released: tuple[int, ...] = ()


class Criterion(ABC):
    """Sees the finished episodes of one run in order and says which to keep.

    A subclass sets ``name`` (unique; a key of the configuration) and implements ``observe``. If it looks back, it also
    implements ``held`` and ``end_run``; if it has state, ``state`` and ``restore``. Its state must be bounded.
    """

    name: str

    @abstractmethod
    def observe(self, episode: EpisodeSummary) -> Observation:
        """Judge the next finished episode. An id seen before is a later play, which replaces the earlier one."""

    def held(self) -> Collection[int]:
        """Return the ids of episodes that may still be claimed. Membership tests must be fast."""
        return frozenset()

    def end_run(self) -> Sequence[Claim]:
        """Return the last claims and hold nothing any more. The run may be resumed later."""
        return ()

    def state(self) -> dict[str, Any]:
        """Return the state as strict JSON (no NaN, string keys), small enough to be stored with every batch."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most criteria remember nothing
        """Restore what ``state`` returned. The settings may have changed: drop what no longer fits."""


def checked_count(criterion: str, argument: str, value: object, *, minimum: int = 0, maximum: int) -> int:
    """Return a constructor argument if it is an integer within the limits.

    Raises:
        UsageError: it is not; the message names the limits.
    """
    if isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum:
        return value
    raise UsageError(f"{criterion}: {argument} must be a whole number from {minimum} to {maximum}, got {value!r}")


def checked_setting(criterion: str, section: type[Section], key: str, value: object, *, advice: str = "") -> int:
    """Return a constructor argument if it is an integer within the bounds of its setting.

    Raises:
        UsageError: it is not; the message names the bounds and gives the advice.
    """
    least, most = bounds_of(section, key)
    if isinstance(value, int) and not isinstance(value, bool):
        is_enough, is_too_much = least is None or value >= least, most is not None and value > most
        if is_enough and not is_too_much:
            return value
    expected = f"from {least} to {most}" if most is not None else f"of at least {least}"
    raise UsageError(f"{criterion}: {key} must be a whole number {expected}, got {value!r}{advice}")


def plain_number(value: float | str | None) -> float | str | None:
    """Return the value as strict JSON can store it: ``"nan"``, ``"inf"`` and ``"-inf"``, which ``float()`` reads
    back."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
