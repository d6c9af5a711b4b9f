"""Marks on a small picture, as pixels: squares, discs and shades; and who walks over it. Places are in cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recorder.outline.agents import agent_looks, agent_positions, find_agent, whole_positions
from recorder.outline.looks import DARK, LIGHT, Colors
from recorder.outline.step_columns import Floats
from replay_server.episodes.recorded import OpenedRecording

__all__ = ["PALETTES", "Palette", "Rgb", "Walker", "disc", "shade_visits", "square", "walkers_of"]

Rgb = tuple[int, int, int]

_FAR_PIXELS = 1e6
_MAX_SHADED_CELLS = 48
"""Along each axis; a larger space is divided into so many."""
_FAINTEST = 0.18
"""Shade of a cell that was visited once."""


def _rgb(color: str) -> Rgb:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of one theme."""

    ground: Rgb
    grid: Rgb
    trail: Rgb
    agent: Rgb
    agents: tuple[Rgb, ...]
    affordances: tuple[Rgb, ...]
    levels: dict[str, Rgb]

    @classmethod
    def of(cls, colors: Colors) -> Palette:
        """Return the colours of the shared table."""
        return cls(
            _rgb(colors.ground),
            _rgb(colors.grid),
            _rgb(colors.trail),
            _rgb(colors.agent),
            tuple(map(_rgb, colors.agents)),
            tuple(map(_rgb, colors.affordances)),
            {"good": _rgb(colors.good), "low": _rgb(colors.low), "critical": _rgb(colors.critical)},
        )


PALETTES = {"dark": Palette.of(DARK), "light": Palette.of(LIGHT)}


def shade_visits(
    canvas: NDArray[np.uint8], places: NDArray[np.float64], size: tuple[float, float], palette: Palette
) -> None:
    """Shade each cell by how often the agent was there.

    Args:
        places: ``float64[n, 1 or 2]``, ``(x, y)``.
        size: width and height of the space in cells.
    """
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return
    n_columns, n_rows = (max(1, min(_MAX_SHADED_CELLS, round(length))) for length in size)
    columns = np.clip(places[:, 0] / size[0] * n_columns, 0, n_columns - 1).astype(int)
    rows = np.zeros(len(places), int)
    if places.shape[1] > 1:
        rows = np.clip(places[:, 1] / size[1] * n_rows, 0, n_rows - 1).astype(int)
    counts = np.zeros((n_rows, n_columns))
    np.add.at(counts, (rows, columns), 1)
    shades = np.where(counts > 0, _FAINTEST + (1 - _FAINTEST) * np.log1p(counts) / np.log1p(counts.max()), 0.0)
    height, width, _ = canvas.shape
    shade = shades[np.arange(height) * n_rows // height][:, np.arange(width) * n_columns // width, None]
    canvas[:] = (canvas * (1 - shade) + np.array(palette.trail) * shade).round().astype(np.uint8)


def square(canvas: NDArray[np.uint8], place: Sequence[float], cell: tuple[float, float], color: Rgb) -> None:
    """Fill a cell; one outside the canvas leaves it unchanged."""
    if not np.isfinite(place).all():
        return
    x, y = (place[0] if place else 0.0), (place[1] if len(place) > 1 else 0.0)
    top, left = _pixel(y * cell[0] + cell[0] * 0.05), _pixel(x * cell[1] + cell[1] * 0.05)
    bottom, right = top + max(1, round(cell[0] * 0.9)), left + max(1, round(cell[1] * 0.9))
    canvas[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = color


def disc(
    canvas: NDArray[np.uint8], place: Sequence[float], cell: tuple[float, float], color: Rgb, share: float
) -> None:
    """Draw a disc in a cell.

    Args:
        share: its radius as a share of the cell.
    """
    if not np.isfinite(place).all():
        return
    radius = max(1.0, share * min(cell))
    x, y = (place[0] + 0.5) * cell[1], ((place[1] if len(place) > 1 else 0.0) + 0.5) * cell[0]
    top, bottom = (min(max(_pixel(y + side * radius), 0), canvas.shape[0]) for side in (-1, 1.5))
    left, right = (min(max(_pixel(x + side * radius), 0), canvas.shape[1]) for side in (-1, 1.5))
    rows, columns = np.ogrid[top:bottom, left:right]
    canvas[top:bottom, left:right][(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = color


def _pixel(place: float) -> int:
    """Return an integer, clamped for positions far outside."""
    return round(min(max(place, -_FAR_PIXELS), _FAR_PIXELS))


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
