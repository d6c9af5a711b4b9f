"""Markers of an episode: what happened when. As chapters inside a video, and as a WebVTT track beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recorder.episode_file import Episode
from recorder.video.timeline import Timeline

__all__ = ["Marker", "chapter_file", "find_markers", "webvtt"]

_MAX_MARKERS = 100


class Marker(NamedTuple):
    """Something at a step."""

    step_index: int
    text: str


def find_markers(episode: Episode) -> list[Marker]:
    """What is worth jumping to, in the order of the steps: gaps, uses of affordances, the greatest reward, the end.

    At most a hundred; a use that goes on counts once.
    """
    numbers = episode.step_numbers
    n_steps = episode.n_steps
    markers = []
    for gap in episode.gaps:
        index = int(np.searchsorted(numbers, gap.first_step))
        if index < n_steps:
            missing = "steps" if gap.n_steps is None else f"{gap.n_steps} steps"
            markers.append(Marker(index, f"{missing} missing ({gap.reason})"))
    if episode.has_column("interaction_progress"):
        progress = np.nan_to_num(np.ravel(episode.column("interaction_progress")).astype(np.float64)) > 0
        starts = np.nonzero(progress & ~np.concatenate([[False], progress[:-1]]))[0]
        markers += [Marker(int(index), f"uses {_place_of(episode, int(index))}") for index in starts]
    if episode.has_column("reward") and n_steps > 1:
        rewards = np.nan_to_num(episode.column("reward").astype(np.float64))
        if rewards.max() > rewards.min():
            best = int(rewards.argmax())
            markers.append(Marker(best, f"greatest reward {rewards[best]:+.2f}"))
    if n_steps > 1:
        markers.append(Marker(n_steps - 1, "end"))
    markers.sort(key=lambda marker: marker.step_index)
    return markers[: _MAX_MARKERS - 1] + markers[-1:] if len(markers) > _MAX_MARKERS else markers


def _place_of(episode: Episode, index: int) -> str:
    """The affordance at a step's position, or a word for one that is not known."""
    position = episode.step(index).position
    return next((name for name, cell in episode.affordances.items() if tuple(cell) == tuple(position)), "an affordance")


def _spans(episode: Episode, timeline: Timeline) -> list[tuple[float, float, str]]:
    """``(start, end, text)`` in seconds, without gaps from the video's start to its end."""
    end = float(timeline.n_frames / timeline.fps)
    shown = [
        marker for marker in find_markers(episode) if timeline.first_index < marker.step_index < timeline.end_index
    ]
    at: dict[float, list[str]] = {0.0: [f"episode {episode.metadata.episode_id}"]}
    for marker in shown:
        number = int(episode.step_numbers[marker.step_index]) + 1
        at.setdefault(timeline.time_of_step(marker.step_index), []).append(f"step {number}: {marker.text}")
    times = [*at, end]
    return [(start, stop, "; ".join(at[start])) for start, stop in pairwise(times) if stop > start]


def webvtt(episode: Episode, timeline: Timeline) -> str:
    """A WebVTT track of chapters.

    Source: https://www.w3.org/TR/webvtt1/, section 4.
    """
    cues = []
    for start, end, text in _spans(episode, timeline):
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
        cues.append(f"{_clock(start)} --> {_clock(end)}\n{safe}\n")
    return "\n".join(["WEBVTT\n", *cues])


def _clock(secs: float) -> str:
    millis = round(secs * 1000)
    return f"{millis // 3_600_000:02d}:{millis // 60_000 % 60:02d}:{millis // 1000 % 60:02d}.{millis % 1000:03d}"


@contextmanager
def chapter_file(episode: Episode, timeline: Timeline, *, enabled: bool = True) -> Iterator[Path | None]:
    """The chapters as a temporary file in ffmpeg's metadata format, or None when they are not wanted.

    Source: https://ffmpeg.org/ffmpeg-formats.html, section "Metadata".
    """
    if not enabled:
        yield None
        return
    metadata = episode.metadata
    lines = [";FFMETADATA1", f"title={_escaped(f'Episode {metadata.episode_id}')}"]
    if metadata.run_id:
        lines.append(f"comment={_escaped(f'run {metadata.run_id}')}")
    for start, end, text in _spans(episode, timeline):
        lines += [
            "[CHAPTER]",
            "TIMEBASE=1/1000",
            f"START={round(start * 1000)}",
            f"END={round(end * 1000)}",
            f"title={_escaped(text)}",
        ]
    with tempfile.NamedTemporaryFile("w", prefix="chapters-", suffix=".txt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        yield Path(file.name)


def _escaped(text: str) -> str:
    for letter in "\\=;#":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ").replace("\r", " ")
