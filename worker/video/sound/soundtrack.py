"""The encoded sound of a video, as a temporary file that is put beside the picture, and the captions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recorder.video.options import VideoOptions
from recorder.video.sound_choices import captions_of
from worker.video.narration.narration import Narration, narrate
from worker.video.sound.loudness import encode_sound, write_lossless
from worker.video.sound.mixing import mixed
from worker.video.sound.programme import Programme
from worker.video.sound.score import Note
from worker.video.sound.studio import Studio
from worker.video.sound.themes import SoundBank
from worker.video.sound.wav_files import read_own_sounds
from worker.video.sound.waves import RATE
from worker.video.work_folder import work_folder

__all__ = ["Soundtrack", "is_narrated", "soundtrack"]

_AUDIO_SUFFIXES = {".webm": ".webm"}
"""File that holds the codec of a video's kind; ``.m4a`` for the others."""


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """The sound of a video; ``path`` is None for a silent one."""

    path: Path | None = None
    narration: Narration = field(default_factory=Narration)


def is_narrated(options: VideoOptions) -> bool:
    """Return whether sentences are wanted, in speech or in captions."""
    return options.narrate is not None or captions_of(options.narrate, options.captions) is not None


@contextmanager
def soundtrack(programme: Programme, options: VideoOptions, suffix: str, studio: Studio) -> Iterator[Soundtrack]:
    """Yield the sound as a file that exists for the duration of the block.

    It is as long as the picture: a sentence that would end later is left out, an effect is cut off.

    Args:
        suffix: of the video's file.

    Raises:
        UsageError: a sound of the studio can't be read.
        MissingExtraError: the chosen voice is not installed.
        EpisodeFileError: a recording is damaged.
        VideoError: ffmpeg failed, or there is no room for the file.
    """
    if options.effects is None and not is_narrated(options):
        yield Soundtrack()
        return
    with work_folder() as folder:
        narration = Narration()
        if is_narrated(options):
            narration = narrate(programme.script(), options, studio, seed=programme.seed, folder=folder)
        speeches = narration.speeches()
        if options.effects is None and not speeches:
            yield Soundtrack(None, narration)
            return
        notes, bank = _effects(programme, options, studio)
        n_samples = max(1, round(programme.secs * RATE))
        lossless = folder / "mix.flac"
        path = folder / (f"sound{_AUDIO_SUFFIXES.get(suffix.lower(), '.m4a')}")
        write_lossless(mixed(notes, bank.sound, speeches, n_samples), lossless)
        encode_sound(lossless, path)
        lossless.unlink()
        yield Soundtrack(path, narration)


def _effects(programme: Programme, options: VideoOptions, studio: Studio) -> tuple[list[Note], SoundBank]:
    """The notes and their sounds; no notes without effects."""
    affordances = programme.affordances
    if options.effects is None:
        return [], SoundBank("soft", programme.seed, affordances)
    own = {} if studio.sounds_dir is None else read_own_sounds(studio.sounds_dir, programme.action_names)
    return programme.notes(), SoundBank(options.effects, programme.seed, affordances, own)
