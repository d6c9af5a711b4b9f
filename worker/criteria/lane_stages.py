"""Remembers each lane's last stage, for episodes that are cut off before their trainer reports a stage."""

from __future__ import annotations

from collections.abc import Iterable

from recorder.episode import EpisodeStatus
from worker.criteria.base import EpisodeSummary

__all__ = ["LaneStages"]

_MAX_LANES = 4096
"""If there are more, the lane not seen for longest is forgotten: the state is stored with every batch."""

_CUT_OFF = (EpisodeStatus.TRUNCATED, EpisodeStatus.SALVAGED)


class LaneStages:
    """The last known stage of each lane of a run."""

    def __init__(self, rows: Iterable[tuple[int, int]] = ()) -> None:
        self._stages = dict(rows)  # the lane not seen for longest is first

    def rows(self) -> list[list[int]]:
        """Return the constructor's argument as strict JSON."""
        return [[lane, stage] for lane, stage in self._stages.items()]

    def fill_in(self, episode: EpisodeSummary) -> EpisodeSummary:
        """Return the episode, with its lane's last known stage if it was cut off and has none."""
        stage = episode.curriculum_stage
        if stage is None:
            known = self._stages.get(episode.lane) if episode.status in _CUT_OFF else None
            return episode if known is None else episode._replace(curriculum_stage=known)
        self._stages.pop(episode.lane, None)
        self._stages[episode.lane] = stage
        if len(self._stages) > _MAX_LANES:
            del self._stages[next(iter(self._stages))]
        return episode
