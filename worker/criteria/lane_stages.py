"""Which stage each lane was in last, for an episode that was cut off before its trainer told its stage."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.episode import EpisodeStatus
from worker.criteria.base import EpisodeSummary

__all__ = ["LaneStages"]

_MAX_LANES = 4096
"""The lane not seen for longest is forgotten: what is remembered is stored with every batch."""

_CUT_OFF = (EpisodeStatus.TRUNCATED, EpisodeStatus.SALVAGED)


class LaneStages:
    """The last known stage of each lane of a run."""

    def __init__(self, rows: Iterable[tuple[int, int]] = ()) -> None:
        self._stages = dict(rows)  # the lane not seen for longest comes first

    def rows(self) -> list[list[int]]:
        """What the constructor takes, as strict JSON."""
        return [[lane, stage] for lane, stage in self._stages.items()]

    def settle(self, episode: EpisodeSummary) -> EpisodeSummary:
        """The next finished episode; one that was cut off and has no stage takes the last known one of its lane."""
        stage = episode.curriculum_stage
        if stage is None:
            known = self._stages.get(episode.lane) if episode.status in _CUT_OFF else None
            return episode if known is None else episode._replace(curriculum_stage=known)
        self._stages.pop(episode.lane, None)
        self._stages[episode.lane] = stage
        if len(self._stages) > _MAX_LANES:
            del self._stages[next(iter(self._stages))]
        return episode
