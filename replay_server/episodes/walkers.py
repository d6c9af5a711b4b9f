"""Who walks over a thumbnail: the agent of an episode, or all agents of an episode of several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recorder.outline.agents import agent_looks, agent_positions, find_agent, whole_positions
from recorder.outline.step_columns import Floats
from replay_server.episodes.recorded import OpenedRecording
from replay_server.episodes.thumbnail_marks import Palette, Rgb

__all__ = ["Walker", "walkers_of"]

_MAX_SHADED = 64
"""Agents whose places are shaded, the first ones; all are drawn."""


@dataclass(frozen=True, slots=True)
class Walker:
    """One agent.

    Args:
        places: ``float64[n, n_dims]``: where it was, NaN while absent.
        at: its row of the step that is shown.
        share: radius as a share of a cell.
        has_trail: whether its last steps are drawn.
    """

    places: Floats
    at: int
    color: Rgb
    share: float
    has_trail: bool


def walkers_of(opened: OpenedRecording, index: int | None, palette: Palette) -> list[Walker]:
    """Return the agents with positions, the one that is shown first last.

    Args:
        index: of the step; None for the whole episode.

    Raises:
        EpisodeFileError: the recording is corrupt there.
    """
    last = max(opened.n_steps - 1, 0)
    at = last if index is None else index
    infos = opened.outline.agents.infos(opened.episode.metadata.intrinsic_weight)
    if not infos or not opened.n_steps:
        position = opened.columns.position
        return [] if position is None else [Walker(position, at, palette.agent, 0.42, has_trail=True)]
    shown = find_agent(infos, None)
    ordered = sorted(infos, key=lambda info: info is shown)
    looks, _ = agent_looks({info.agent_id: info.team for info in infos})
    if index is None:
        ordered = ordered[-_MAX_SHADED:]
        found: list[Floats | None] = list(whole_positions(opened.episode, ordered))
    else:
        ((chunk, rows),) = opened.episode.chunks_between(index, index + 1)
        at = rows.start
        found = [agent_positions(chunk, info) for info in ordered]
    known = [
        (info, places) for info, places in zip(ordered, found, strict=True) if places is not None and places.shape[1]
    ]
    n_dims = max((places.shape[1] for _, places in known), default=0)
    return [
        Walker(places, at, palette.agents[looks[info.agent_id].number], 0.42 if info is shown else 0.36, info is shown)
        for info, places in known
        if places.shape[1] == n_dims and np.isfinite(places).any()
    ]
