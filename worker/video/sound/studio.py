"""What this machine has for the sound of videos. A request can't choose it, because its values are paths and URLs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recorder.settings import RenderSettings

__all__ = ["Studio", "studio_of"]


@dataclass(frozen=True, slots=True)
class Studio:
    """Places of sounds.

    Args:
        sounds_dir: a folder of WAV files that replace sounds of the theme; None for none.
    """

    sounds_dir: Path | None = None


def studio_of(settings: RenderSettings) -> Studio:
    """Return what the settings of a render worker name."""
    return Studio(sounds_dir=None if settings.sounds_dir is None else Path(settings.sounds_dir).expanduser())
