"""Runs all criteria of a run over its finished episodes, and settles each episode once nobody can claim it any more."""

from __future__ import annotations

import json
from bisect import insort
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from recorder.episode import EpisodeStatus
from recorder.errors import UsageError
from worker.criteria.base import Criterion, EpisodeSummary, Explanation, checked_count
from worker.criteria.lane_stages import LaneStages
from worker.criteria.pending import Pending, pack_pending, unpack_pending

__all__ = ["MANUAL", "SALVAGED", "Evaluator", "Settled"]

MANUAL = "manual"
"""Names the reasons of ``recorder.keep``, beside the names of the criteria."""

SALVAGED = "salvaged"
"""Names, and is, the reason of an episode whose trainer died."""

_MAX_MANUAL_REASONS = 64
"""For each episode; a trainer that gives a new one at every step would fill the catalog with them."""

_STATE_VERSION = 1


class Settled(NamedTuple):
    """The decision on an episode, final.

    Args:
        episode_id: the episode; play_id: which playing of it.
        decision: whether its file is written.
        reasons: in order, the first being the ``recording_reason``; none when skipped.
        why_json: what each criterion said, as the catalog stores it.
    """

    episode_id: int
    play_id: int
    decision: Literal["kept", "skipped"]
    reasons: tuple[str, ...]
    why_json: str

    @property
    def why(self) -> list[dict[str, Any]]:
        """What each criterion said: the fields of its ``Explanation``, and ``reasons``, those that it gave."""
        decoded: list[dict[str, Any]] = json.loads(self.why_json)
        return decoded


class Evaluator:
    """Decides which of a run's finished episodes are kept.

    An episode is *held* while any criterion may still claim it, also when it is kept already: its file is written once,
    with all its reasons. They are listed in the order of the criteria given, then the manual ones, then ``salvaged``.

    When an episode that is held is played again (a resumed run), the later play replaces the earlier: that one is
    never settled, and what was said of it is forgotten. A play that is not later than the held one is ignored.

    Args:
        criteria: in the order in which their reasons are listed.
        max_held: when more episodes are held, the oldest is settled with the reasons it has. The built-in criteria
            hold ``lookback`` a lane and ``record_last_n`` a stage; this bounds a custom one that never lets go.

    Raises:
        UsageError: two criteria share a name, or one has the name ``manual`` or ``salvaged``.
    """

    def __init__(self, criteria: Sequence[Criterion], *, max_held: int = 100_000) -> None:
        self._criteria = tuple(criteria)
        self._max_held = checked_count("evaluator", "max_held", max_held, maximum=10_000_000)
        for name, n_times in Counter([MANUAL, SALVAGED, *(criterion.name for criterion in criteria)]).items():
            if n_times > 1:
                raise UsageError(f"the name of a criterion must be its own, and neither manual nor salvaged: {name!r}")
        self._rank = {criterion.name: rank for rank, criterion in enumerate(self._criteria)}
        self._rank |= {MANUAL: len(criteria) + 1, SALVAGED: len(criteria) + 2}
        self._pending: dict[int, Pending] = {}  # the oldest first
        self._stages = LaneStages()
        self._let_go: list[int] = []  # held before ``restore``, by nobody after it

    def observe(self, episode: EpisodeSummary, *, continues: bool = False) -> list[Settled]:
        """Shows the next finished episode to all criteria.

        Args:
            continues: the play was shown before, as salvaged, and has gone on since: what was said of it then is forgotten.

        Returns:
            What is decided now: episodes let go in their order, then this one, unless it is held.
        """
        episode_id = episode.episode_id
        earlier = self._pending.get(episode_id)
        if earlier is not None and not continues and earlier.play_id >= episode.play_id:
            return []
        self._pending.pop(episode_id, None)
        pending = self._pending[episode_id] = Pending(episode.play_id, [], [])
        if episode.status is EpisodeStatus.ABORTED:
            detail = "given up by the trainer with abort"
            pending.explanations.append(Explanation("status", False, str(episode.status), None, detail))
            return [self._settle(episode_id)]
        candidates, self._let_go = self._let_go, []
        for criterion in self._criteria:
            claims, explanation, released = criterion.observe(episode)
            pending.explanations.append(explanation)
            for claim in claims:
                self._claim(claim.episode_id, criterion.name, claim.reason)
            candidates += released
        for reason in episode.manual_reasons:
            self.add_manual_reason(episode_id, reason)
        if episode.status is EpisodeStatus.SALVAGED:
            detail = "the trainer died; what had arrived is kept"
            pending.explanations.append(Explanation(SALVAGED, True, str(episode.status), None, detail))
            self._claim(episode_id, SALVAGED, SALVAGED)
        candidates.append(episode_id)
        return [*self._settle_unless_held(candidates), *self._settle_overflow()]

    def settle_stage(self, episode: EpisodeSummary) -> EpisodeSummary:
        """The next finished episode, before ``observe``: one that was cut off takes the last known stage of its lane."""
        return self._stages.settle(episode)

    def is_held(self, episode_id: int) -> bool:
        """Whether the episode, just observed or earlier, waits for its decision."""
        return episode_id in self._pending

    def add_manual_reason(self, episode_id: int, reason: str) -> bool:
        """Keeps a held episode as ``manual_<reason>``; a reason given twice counts once, and the first 64 count.

        Returns:
            False when the episode is not held: it is settled already, or was never observed.
        """
        pending = self._pending.get(episode_id)
        if pending is None:
            return False
        n_manual = sum(criterion == MANUAL for criterion, _ in pending.claims)
        if n_manual == 0:
            pending.explanations.append(Explanation(MANUAL, True, None, None, "asked for by the trainer with keep"))
        if n_manual < _MAX_MANUAL_REASONS:
            self._claim(episode_id, MANUAL, f"manual_{reason}")
        return True

    def end_run(self) -> list[Settled]:
        """Settles all that is held, oldest first. The run may be resumed: the criteria's counts and history stay."""
        for criterion in self._criteria:
            for claim in criterion.end_run():
                self._claim(claim.episode_id, criterion.name, claim.reason)
        return [self._settle(episode_id) for episode_id in list(self._pending)]

    def pending(self) -> Mapping[int, Pending]:
        """The held episodes, oldest first, with what was said of them so far; read-only."""
        return MappingProxyType(self._pending)

    def state(self) -> dict[str, Any]:
        """All that is remembered, held episodes included, as strict JSON; about 40 kB for 64 lanes at defaults."""
        return {
            "version": _STATE_VERSION,
            "criteria": {criterion.name: criterion.state() for criterion in self._criteria},
            "pending": pack_pending(self._pending),
            "stages": self._stages.rows(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what ``state`` gave.

        The criteria and their settings may differ from those at the time: one that the state doesn't know begins
        afresh, and an episode that nobody holds any more is settled by the next ``observe`` or by ``end_run``.

        Raises:
            UsageError: the state is not one that this version makes.
        """
        if state.get("version") != _STATE_VERSION:
            raise UsageError(
                f"state of the criteria: expected version {_STATE_VERSION}, found {state.get('version')!r}; "
                "it was made by another version of this project: run that one"
            )
        for criterion in self._criteria:
            if criterion.name in state["criteria"]:
                criterion.restore(state["criteria"][criterion.name])
        self._pending = unpack_pending(state["pending"])
        self._stages = LaneStages(state.get("stages", ()))
        held = self._held()
        self._let_go = [episode_id for episode_id in self._pending if not _is_in(episode_id, held)]

    def _claim(self, episode_id: int, criterion: str, reason: str) -> None:
        pending = self._pending.get(episode_id)
        # A claim on an episode that is gone comes too late: an aborted play replaced it, or ``max_held`` cut it short.
        if pending is not None and (criterion, reason) not in pending.claims:
            insort(pending.claims, (criterion, reason), key=self._rank_of)

    def _rank_of(self, claim: tuple[str, str]) -> int:
        # The reasons of a criterion that was configured before ``restore`` stand behind those of today.
        return self._rank.get(claim[0], len(self._criteria))

    def _held(self) -> list[Collection[int]]:
        return [held for criterion in self._criteria if (held := criterion.held())]

    def _settle_unless_held(self, candidates: Iterable[int]) -> list[Settled]:
        held = self._held()
        return [
            self._settle(episode_id)
            for episode_id in dict.fromkeys(candidates)
            if episode_id in self._pending and not _is_in(episode_id, held)
        ]

    def _settle_overflow(self) -> list[Settled]:
        settled = []
        while len(self._pending) > self._max_held:
            episode_id, pending = next(iter(self._pending.items()))
            detail = "decided before its time: more episodes were held than max_held allows"
            pending.explanations.append(Explanation("max_held", False, None, self._max_held, detail))
            settled.append(self._settle(episode_id))
        return settled

    def _settle(self, episode_id: int) -> Settled:
        pending = self._pending.pop(episode_id)
        reasons = pending.reasons
        return Settled(episode_id, pending.play_id, "kept" if reasons else "skipped", reasons, pending.why_json())


def _is_in(episode_id: int, held: Iterable[Collection[int]]) -> bool:
    for ids in held:  # noqa: SIM110 - twice an episode, and any() takes three times as long
        if episode_id in ids:
            return True
    return False
