"""What videos and GPU trainers need."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from recorder.commands.checks.finding import Finding
from recorder.settings import Settings

__all__ = ["check_video"]


def check_video(settings: Settings) -> Iterator[Finding]:
    """ffmpeg, and torch where it is installed."""
    del settings
    ffmpeg = shutil.which("ffmpeg") or _bundled_ffmpeg()
    if ffmpeg is None:
        yield Finding("ok", "ffmpeg", "none: no videos here", "pip install 'hamlet-recorder[video]'")
    else:
        yield Finding("ok", "ffmpeg", ffmpeg)
    if find_spec("torch") is not None:
        yield Finding("ok", "torch", metadata.version("torch"))


def _bundled_ffmpeg() -> str | None:
    if find_spec("imageio_ffmpeg") is None:
        return None
    from imageio_ffmpeg import get_ffmpeg_exe  # an extra

    try:
        return str(get_ffmpeg_exe())
    except RuntimeError:
        return None
