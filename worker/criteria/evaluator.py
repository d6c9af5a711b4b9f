"""Runs all criteria of a run over its finished episodes, and decides each episode once no criterion can claim it any
more."""

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

__all__ = ["MANUAL", "SALVAGED", "Decided", "Evaluator"]

MANUAL = "manual"
"""Name of the reasons from ``recorder.keep``, next to the names of the criteria."""

SALVAGED = "salvaged"
"""Name and reason of an episode whose trainer died."""

_MAX_MANUAL_REASONS = 64
"""Per episode. A trainer that gives a new reason at every step would fill the catalog."""

_STATE_VERSION = 1


class Decided(NamedTuple):
    """The final decision on an episode.

    Args:
        episode_id: the episode.
        play_id: which play of it.
        decision: whether its file is written.
        reasons: in order; the first is the ``recording_reason``. Empty if skipped.
        why_json: the criteria's explanations as the catalog stores them.
    """

    episode_id: int
    play_id: int
    decision: Literal["kept", "skipped"]
    reasons: tuple[str, ...]
    why_json: str

    @property
    def why(self) -> list[dict[str, Any]]:
        """The criteria's explanations: the fields of ``Explanation``, and the ``reasons`` each criterion gave."""
        decoded: list[dict[str, Any]] = json.loads(self.why_json)
        return decoded


class Evaluator:
    """Decides which of a run's finished episodes are kept.

    An episode is *held* while any criterion may still claim it, even if it will be kept anyway: its file is written
    once, with all its reasons. They are listed in the order of the criteria, then the manual ones, then
    ``salvaged``.

    If a held episode is played again in a resumed run, the later play replaces the earlier one, which is forgotten
    without a decision. A play that is not later than the held one is ignored.

    Args:
        criteria: in the order in which their reasons are listed.
        max_held: if more episodes are held, the oldest is decided with the reasons it has. The built-in criteria hold
            ``lookback`` per lane and ``record_last_n`` per stage; this limit is for custom ones that never release any.

    Raises:
        UsageError: two criteria share a name, or one is named ``manual`` or ``salvaged``.
    """

    def __init__(self, criteria: Sequence[Criterion], *, max_held: int = 100_000) -> None:
        self._criteria = tuple(criteria)
        self._max_held = checked_count("evaluator", "max_held", max_held, maximum=10_000_000)
        for name, n_times in Counter([MANUAL, SALVAGED, *(criterion.name for criterion in criteria)]).items():
            if n_times > 1:
                raise UsageError(f"criteria need different names, other than 'manual' and 'salvaged': {name!r}")
        self._rank = {criterion.name: rank for rank, criterion in enumerate(self._criteria)}
        self._rank |= {MANUAL: len(criteria) + 1, SALVAGED: len(criteria) + 2}
        self._pending: dict[int, Pending] = {}  # oldest first
        self._stages = LaneStages()
        self._orphaned: list[int] = []  # held before ``restore``, but by no criterion now

    def observe(self, episode: EpisodeSummary, *, continues: bool = False) -> list[Decided]:
        """Show the next finished episode to all criteria.

        Args:
            continues: the play was shown before, as salvaged, and has gone on since: what was said of it then is forgotten.

        Returns:
            New decisions: released episodes in their order, then this one unless it is held.
        """
        episode_id = episode.episode_id
        earlier = self._pending.get(episode_id)
        if earlier is not None and not continues and earlier.play_id >= episode.play_id:
            return []
        self._pending.pop(episode_id, None)
        pending = self._pending[episode_id] = Pending(episode.play_id, [], [])
        if episode.status is EpisodeStatus.ABORTED:
            detail = "the trainer discarded it with abort"
            pending.explanations.append(Explanation("status", False, str(episode.status), None, detail))
            return [self._decide(episode_id)]
        candidates, self._orphaned = self._orphaned, []
        for criterion in self._criteria:
            claims, explanation, released = criterion.observe(episode)
            pending.explanations.append(explanation)
            for claim in claims:
                self._claim(claim.episode_id, criterion.name, claim.reason)
            candidates += released
        for reason in episode.manual_reasons:
            self.add_manual_reason(episode_id, reason)
        if episode.status is EpisodeStatus.SALVAGED:
            detail = "the trainer died; the steps that had arrived are kept"
            pending.explanations.append(Explanation(SALVAGED, True, str(episode.status), None, detail))
            self._claim(episode_id, SALVAGED, SALVAGED)
        candidates.append(episode_id)
        return [*self._decide_unless_held(candidates), *self._decide_overflow()]

    def fill_in_stage(self, episode: EpisodeSummary) -> EpisodeSummary:
        """Fill in the stage of an episode that was cut off from its lane. Call it before ``observe``."""
        return self._stages.fill_in(episode)

    def is_held(self, episode_id: int) -> bool:
        """Return whether an observed episode is still undecided."""
        return episode_id in self._pending

    def add_manual_reason(self, episode_id: int, reason: str) -> bool:
        """Keep a held episode as ``manual_<reason>``. Repeated reasons are ignored, and those after the first 64.

        Returns:
            False if the episode is not held: it is decided already, or was never observed.
        """
        pending = self._pending.get(episode_id)
        if pending is None:
            return False
        n_manual = sum(criterion == MANUAL for criterion, _ in pending.claims)
        if n_manual == 0:
            pending.explanations.append(Explanation(MANUAL, True, None, None, "the trainer asked for it with keep"))
        if n_manual < _MAX_MANUAL_REASONS:
            self._claim(episode_id, MANUAL, f"manual_{reason}")
        return True

    def end_run(self) -> list[Decided]:
        """Decide all held episodes, oldest first. The criteria keep their counts and history, because the run may be
        resumed."""
        for criterion in self._criteria:
            for claim in criterion.end_run():
                self._claim(claim.episode_id, criterion.name, claim.reason)
        return [self._decide(episode_id) for episode_id in list(self._pending)]

    def pending(self) -> Mapping[int, Pending]:
        """Return the held episodes, oldest first, with their claims and explanations so far; read-only."""
        return MappingProxyType(self._pending)

    def state(self) -> dict[str, Any]:
        """Return the whole state as strict JSON, including held episodes; about 40 kB for 64 lanes with default
        settings."""
        return {
            "version": _STATE_VERSION,
            "criteria": {criterion.name: criterion.state() for criterion in self._criteria},
            "pending": pack_pending(self._pending),
            "stages": self._stages.rows(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what ``state`` returned.

        The criteria and their settings may have changed. A criterion without a stored state starts anew. An episode
        that no criterion holds any more is decided by the next ``observe`` or by ``end_run``.

        Raises:
            UsageError: this version cannot read the state.
        """
        if state.get("version") != _STATE_VERSION:
            raise UsageError(
                f"state of the criteria: expected version {_STATE_VERSION}, found {state.get('version')!r}; "
                "use the version of hamlet-recorder that wrote it"
            )
        for criterion in self._criteria:
            if criterion.name in state["criteria"]:
                criterion.restore(state["criteria"][criterion.name])
        self._pending = unpack_pending(state["pending"])
        self._stages = LaneStages(state.get("stages", ()))
        held = self._held()
        self._orphaned = [episode_id for episode_id in self._pending if not _is_in(episode_id, held)]

    def _claim(self, episode_id: int, criterion: str, reason: str) -> None:
        pending = self._pending.get(episode_id)
        # The episode may be gone: an aborted play replaced it, or ``max_held`` forced its decision.
        if pending is not None and (criterion, reason) not in pending.claims:
            insort(pending.claims, (criterion, reason), key=self._rank_of)

    def _rank_of(self, claim: tuple[str, str]) -> int:
        # Criteria that are no longer configured come last.
        return self._rank.get(claim[0], len(self._criteria))

    def _held(self) -> list[Collection[int]]:
        return [held for criterion in self._criteria if (held := criterion.held())]

    def _decide_unless_held(self, candidates: Iterable[int]) -> list[Decided]:
        held = self._held()
        return [
            self._decide(episode_id)
            for episode_id in dict.fromkeys(candidates)
            if episode_id in self._pending and not _is_in(episode_id, held)
        ]

    def _decide_overflow(self) -> list[Decided]:
        decided = []
        while len(self._pending) > self._max_held:
            episode_id, pending = next(iter(self._pending.items()))
            detail = "decided early, because too many episodes were held"
            pending.explanations.append(Explanation("max_held", False, None, self._max_held, detail))
            decided.append(self._decide(episode_id))
        return decided

    def _decide(self, episode_id: int) -> Decided:
        pending = self._pending.pop(episode_id)
        reasons = pending.reasons
        return Decided(episode_id, pending.play_id, "kept" if reasons else "skipped", reasons, pending.why_json())


def _is_in(episode_id: int, held: Iterable[Collection[int]]) -> bool:
    for ids in held:  # noqa: SIM110 - twice an episode, and any() takes three times as long
        if episode_id in ids:
            return True
    return False
