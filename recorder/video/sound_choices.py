"""What can be chosen for the sound of a video. Pure."""

from __future__ import annotations

from recorder.errors import UsageError
from recorder.video.codecs import check_one_of

__all__ = [
    "CAPTION_FILES",
    "CAPTION_KINDS",
    "NARRATION_STYLES",
    "THEMES",
    "VOICES",
    "burns_narration",
    "captions_of",
    "check_sound",
    "may_sound",
    "shows_captions",
]

THEMES = ("soft", "arcade", "wood", "glass")
"""Themes of the effects, the default first; ``worker/video/sound/themes.py`` makes their sounds."""
NARRATION_STYLES = ("commentator", "teacher", "deadpan")
"""Styles of the narration, the default first; ``worker/video/narration/styles/`` has their sentences."""
VOICES = ("auto", "piper", "espeak", "none")
"""Who speaks: ``auto`` is the best voice that is installed, ``none`` leaves the captions."""
CAPTION_FILES = ("vtt", "srt")
"""Kinds of files with captions; the first one is the default of a narration."""
CAPTION_KINDS = (*CAPTION_FILES, "burn", "none")
"""``burn`` writes into the picture, not into a file: what happens, or with a narration what is said."""


def captions_of(narrate: str | None, captions: str | None) -> str | None:
    """Return the kind of file that the choices ask for; None for none."""
    kind = captions or (CAPTION_FILES[0] if narrate is not None else "none")
    return kind if kind in CAPTION_FILES else None


def shows_captions(emphasis: bool, captions: str | None, narrate: str | None) -> bool:
    """Return whether the picture gets captions of what happens."""
    if burns_narration(narrate, captions):
        return False  # what is said says it
    return captions == "burn" or (emphasis and captions != "none")


def burns_narration(narrate: str | None, captions: str | None) -> bool:
    """Return whether the picture gets the sentences of the narration."""
    return narrate is not None and captions == "burn"


def may_sound(effects: str | None, narrate: str | None, voice: str) -> bool:
    """Return whether the file gets a sound; without a voice on this machine, a narration is silent."""
    return effects is not None or (narrate is not None and voice != "none")


def check_sound(codec: str, *, effects: str | None, narrate: str | None, voice: str, captions: str | None) -> None:
    """Check the choices, and that the file can hold the sound.

    Raises:
        UsageError: a choice is unknown, or the file can't hold it.
    """
    if effects is not None:
        check_one_of("effects", effects, THEMES)
    if narrate is not None:
        check_one_of("narrate", narrate, NARRATION_STYLES)
    if captions is not None:
        check_one_of("captions", captions, CAPTION_KINDS)
    check_one_of("voice", voice, VOICES)
    if codec == "gif" and may_sound(effects, narrate, voice):
        raise UsageError(
            "a GIF has no sound: leave out effects and narrate, or choose another codec, such as libx264; captions=vtt "
            "writes the sentences to a file"
        )
