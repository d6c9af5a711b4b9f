"""Captions in the two formats that players and platforms read.

Sources: https://www.w3.org/TR/webvtt1/ for WebVTT; SubRip has no specification, and no way to escape.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from recorder.errors import VideoError
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import captions_of

__all__ = ["Cue", "captions_text", "srt_text", "vtt_text", "write_captions"]

_FOR_SRT = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")", "\\": "/"})
"""Players read these as markup."""


class Cue(NamedTuple):
    """A sentence on the screen, in seconds."""

    start: float
    end: float
    text: str


def write_captions(cues: Sequence[Cue], video: Path, options: VideoOptions) -> Path | None:
    """Write the captions beside a finished video.

    Returns:
        The file; None if the options want none.

    Raises:
        VideoError: it can't be written.
    """
    kind = captions_of(options.narrate, options.captions)
    if kind is None:
        return None
    path = video.with_suffix(f".{kind}")
    part = video.with_name(f".{video.stem}.{secrets.token_hex(4)}.part.{kind}")
    try:
        part.write_text(captions_text(cues, kind), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise VideoError(f"can't write the captions ({error.strerror}): {path}") from error
    return path


def captions_text(cues: Sequence[Cue], kind: str) -> str:
    """The content of a file of captions, ``vtt`` or ``srt``."""
    return vtt_text(cues) if kind == "vtt" else srt_text(cues)


def vtt_text(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT."""
    parts = ["WEBVTT\n"]
    for cue in cues:
        text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        parts.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{text}\n")
    return "\n".join(parts)


def srt_text(cues: Sequence[Cue]) -> str:
    """The cues as SubRip."""
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text.translate(_FOR_SRT)}\n"
        for number, cue in enumerate(cues, 1)
    )


def _clock(secs: float, mark: str) -> str:
    millis = round(secs * 1000)
    return f"{millis // 3_600_000:02d}:{millis // 60_000 % 60:02d}:{millis // 1000 % 60:02d}{mark}{millis % 1000:03d}"
