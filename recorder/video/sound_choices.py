"""What can be chosen for the sound of a video. Pure."""

from __future__ import annotations

from recorder.errors import UsageError
from recorder.video.codecs import check_one_of

__all__ = ["THEMES", "check_silent", "check_sound"]

THEMES = ("soft", "arcade", "wood", "glass")
"""Themes of the effects, the default first; ``worker/video/sound/themes.py`` makes their sounds."""


def check_sound(codec: str, *, effects: str | None) -> None:
    """Check the choices, and that the file can hold the sound.

    Raises:
        UsageError: a choice is unknown, or the file can't hold it.
    """
    if effects is not None:
        check_one_of("effects", effects, THEMES)
    if codec == "gif" and effects is not None:
        raise UsageError("a GIF has no sound: leave out effects, or choose another codec, such as libx264")


def check_silent(what: str, *, effects: str | None) -> None:
    """Check that no sound is wanted for a kind of video that has none.

    Raises:
        UsageError: a sound is chosen.
    """
    if effects is not None:
        raise UsageError(f"{what} has no sound: leave out effects, or export one episode")
