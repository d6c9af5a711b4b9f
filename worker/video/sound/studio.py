"""What this machine has for videos. A request can't choose it, because its values are paths, URLs and modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from worker.video.narration.language_model import LanguageModel

if TYPE_CHECKING:  # 10 MB, which a script that makes videos can do without
    from recorder.settings import RenderSettings

__all__ = ["Studio", "studio_of"]


@dataclass(frozen=True, slots=True)
class Studio:
    """Sounds, voice, language model and environments.

    Args:
        sounds_dir: a folder of WAV files that replace sounds of the theme; None for none.
        voice_model: a model for the voice piper; None for that of its package.
        language_model: writes sentences; None for the grammar alone.
        voice_secs: longest time for the speech of one video; None for no limit.
        environments: modules that register environments, for the source ``states``.
    """

    sounds_dir: Path | None = None
    voice_model: Path | None = None
    language_model: LanguageModel | None = None
    voice_secs: float | None = None
    environments: tuple[str, ...] = ()


def studio_of(settings: RenderSettings, *, voice_secs: float | None = None) -> Studio:
    """Return what the settings name.

    Args:
        voice_secs: as for ``Studio``.

    Raises:
        UsageError: the language model's URL is invalid.
    """
    language_model = None
    if settings.llm_url is not None:
        language_model = LanguageModel(
            settings.llm_url,
            settings.llm_model or "",
            key="" if settings.llm_key is None else settings.llm_key.get_secret_value(),
            budget_secs=settings.llm_secs,
        )
    sounds_dir, voice_model = (
        None if place is None else Path(place).expanduser() for place in (settings.sounds_dir, settings.voice_model)
    )
    return Studio(sounds_dir, voice_model, language_model, voice_secs, tuple(settings.environments.split()))
