"""Chapters of a video: selected markers of the episode, in the video and as a WebVTT track."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from recorder.episode_file import Episode
from recorder.outline import Marker, Outline, thin_markers
from recorder.video.timeline import Timeline

__all__ = ["MIN_CHAPTER_SECS", "Chapter", "chapter_file", "chapter_markers", "chapter_spans", "webvtt"]

MIN_CHAPTER_SECS = 10.0
"""YouTube ignores the chapters of a video with a shorter one."""

_MAX_CHAPTERS = 100
_MAX_TITLE = 80
_KINDS = ("gap", "affordance", "low_meter", "best_reward", "died", "joined", "left", "end")
"""Markers of an unsure policy are too many for chapters."""


class Chapter(NamedTuple):
    """A chapter, in seconds."""

    start: float
    end: float
    title: str


def chapter_markers(episode: Episode) -> list[Marker]:
    """Return up to a hundred of the episode's markers, in order."""
    outline = Outline.of(episode)
    return thin_markers([marker for marker in outline.markers() if marker.kind in _KINDS], _MAX_CHAPTERS)


def chapter_spans(episode: Episode, timeline: Timeline) -> list[Chapter]:
    """Return chapters without gaps from the video's start to its end; each takes at least ten seconds.

    Markers that come within ten seconds share a chapter. A video of less than twenty seconds has one chapter.
    """
    end = float(timeline.n_frames / timeline.fps)
    chapters: list[tuple[float, int, list[str]]] = [(0.0, -1, [])]
    for marker in chapter_markers(episode):
        if not timeline.first_index < marker.index < timeline.end_index:
            continue
        time = timeline.time_of_step(marker.index)
        if time - chapters[-1][0] >= MIN_CHAPTER_SECS and end - time >= MIN_CHAPTER_SECS:
            chapters.append((time, marker.index, []))
        if marker.label not in chapters[-1][2]:
            chapters[-1][2].append(marker.label)
    ends = [*(time for time, _, _ in chapters[1:]), end]
    return [
        Chapter(start, stop, _title(episode, index, labels))
        for (start, index, labels), stop in zip(chapters, ends, strict=True)
    ]


def _title(episode: Episode, index: int, labels: list[str]) -> str:
    """Where the chapter begins, and as much of what happens in it as fits."""
    title = f"Episode {episode.metadata.episode_id}" if index < 0 else f"Step {int(episode.step_numbers[index])}"
    last_verb = ""
    for number, label in enumerate(labels):
        verb, _, rest = label.partition(" ")
        shown = rest if verb == last_verb and verb in ("using", "at") else label  # "using Bed, Shower"
        last_verb = verb
        added = f"{', ' if number else ': '}{shown}"
        if len(title) + len(added) > _MAX_TITLE:
            return f"{title} …"
        title += added
    return title


def webvtt(episode: Episode, timeline: Timeline) -> str:
    """Return a WebVTT track of chapters.

    Source: https://www.w3.org/TR/webvtt1/, section 4.
    """
    cues = []
    for start, end, text in chapter_spans(episode, timeline):
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
    for start, end, text in chapter_spans(episode, timeline):
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
