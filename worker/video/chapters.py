"""Chapters of a video: selected markers of the episode, in the video and as a WebVTT track."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from recorder.episode_file import Episode
from recorder.outline import Marker, Outline, thin_markers
from recorder.video.timeline import Timeline

__all__ = ["chapter_file", "chapter_markers", "webvtt"]

_MAX_CHAPTERS = 100
_KINDS = ("gap", "affordance", "low_meter", "best_reward", "end")
"""Markers of an unsure policy are too many for chapters."""


def chapter_markers(episode: Episode) -> list[Marker]:
    """Return up to a hundred of the episode's markers, in order."""
    outline = Outline.of(episode)
    return thin_markers([marker for marker in outline.markers() if marker.kind in _KINDS], _MAX_CHAPTERS)


def _spans(episode: Episode, timeline: Timeline) -> list[tuple[float, float, str]]:
    """Return ``(start, end, text)`` in seconds, without gaps from the video's start to its end."""
    end = float(timeline.n_frames / timeline.fps)
    shown = [marker for marker in chapter_markers(episode) if timeline.first_index < marker.index < timeline.end_index]
    at: dict[float, list[str]] = {0.0: [f"episode {episode.metadata.episode_id}"]}
    for marker in shown:
        number = int(episode.step_numbers[marker.index]) + 1  # numbered as in the frames
        at.setdefault(timeline.time_of_step(marker.index), []).append(f"step {number}: {marker.label}")
    times = [*at, end]
    return [(start, stop, "; ".join(at[start])) for start, stop in pairwise(times) if stop > start]


def webvtt(episode: Episode, timeline: Timeline) -> str:
    """Return a WebVTT track of chapters.

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
    """Yield the chapters as a temporary file in ffmpeg's metadata format, or None if they are not wanted.

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
