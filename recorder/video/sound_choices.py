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
    "captions_of",
    "check_silent",
    "check_sound",
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
"""``burn`` writes what happens into the picture, not a file."""


def captions_of(narrate: str | None, captions: str | None) -> str | None:
    """Return the kind of file that the choices ask for; None for none."""
    kind = captions or (CAPTION_FILES[0] if narrate is not None else "none")
    return kind if kind in CAPTION_FILES else None


def shows_captions(emphasis: bool, captions: str | None) -> bool:
    """Return whether the picture gets captions of what happens."""
    return captions == "burn" or (emphasis and captions != "none")


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
    if codec == "gif" and (effects is not None or (narrate is not None and voice != "none")):
        raise UsageError(
            "a GIF has no sound: leave out effects and narrate, or choose another codec, such as libx264; captions=vtt "
            "writes the sentences to a file"
        )


def check_silent(what: str, *, effects: str | None, narrate: str | None, captions: str | None) -> None:
    """Check that no sound and no captions are wanted for a kind of video that has none.

    Raises:
        UsageError: a sound or captions are chosen.
    """
    if effects is not None or narrate is not None or captions_of(narrate, captions) is not None:
        raise UsageError(f"{what} has no sound and no captions: leave out effects, narrate and captions")
