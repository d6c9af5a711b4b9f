"""Runs of the ring, taken apart: single steps by episode, blocks by the lanes that they are of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from recorder.black_box import Run
from recorder.publish.chunks.pieces import StepPiece, kinds_of

__all__ = ["lane_stretches", "pieces_by_episode"]

_SHORT_STRETCH = 4
"""Where an episode's steps follow each other for fewer steps than this on average, they are sorted by episode first."""


def pieces_by_episode(run: Run) -> Iterator[tuple[int, int, StepPiece]]:
    """Single steps as pieces, each with its episode and its lane; those of one episode in order."""
    records = run.records
    positions = run.position + run.n_bytes * np.arange(len(records), dtype=np.int64)
    episodes, steps = records["episode_id"], records["step"]
    breaks = _breaks(episodes, steps)
    if len(breaks) * _SHORT_STRETCH > len(records):
        order = np.argsort(episodes, kind="stable")
        records, positions = records[order], positions[order]
        episodes, steps = records["episode_id"], records["step"]
        breaks = _breaks(episodes, steps)
    kinds = kinds_of(run.layout)
    starts = np.concatenate(([0], breaks))
    stops = [*breaks.tolist(), len(records)]
    places = (starts, episodes[starts], records["lane"][starts], steps[starts])
    for start, episode_id, lane, step, stop in zip(*(place.tolist() for place in places), stops, strict=True):
        yield episode_id, lane, StepPiece(kinds, step, records[start:stop], positions[start:stop])


def _breaks(episodes: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where a step is not the next one of the same episode."""
    return np.flatnonzero((episodes[1:] != episodes[:-1]) | (steps[1:] != steps[:-1] + 1)) + 1


def lane_stretches(run: Run) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Blocks in a row whose lanes are the same: first, the one after the last, and ``int64[n_lanes]``."""
    n_records, n_lanes = len(run.records), run.layout.lead[1]
    if not run.layout.has_lanes:
        yield 0, n_records, np.arange(n_lanes)
        return
    lanes = run.records["lane"][:, 0]
    bounds = [0, *(np.flatnonzero((lanes[1:] != lanes[:-1]).any(axis=1)) + 1).tolist(), n_records]
    for start, stop in pairwise(bounds):
        yield start, stop, lanes[start].copy()
