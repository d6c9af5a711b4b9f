"""The encoded sound of a video, as a temporary file that is put beside the picture, and the captions.

A thread makes both, so that the picture can be drawn and encoded meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from recorder.video.options import VideoOptions
from recorder.video.sound_choices import captions_of
from worker.video.encoding.frame_loop import VideoStoppedError
from worker.video.files.video_files import work_folder
from worker.video.narration.kept import kept_narration
from worker.video.narration.narration import Narration, narrating
from worker.video.sound.loudness import encode_sound, write_lossless
from worker.video.sound.mixing import mixed
from worker.video.sound.programmes.episode import Programme
from worker.video.sound.score import Note
from worker.video.sound.studio import Studio
from worker.video.sound.themes import SoundBank
from worker.video.sound.wav_files import read_own_sounds
from worker.video.sound.waves import RATE, Samples

__all__ = ["Soundtrack", "is_narrated", "soundtrack"]

_AUDIO_SUFFIXES = {".webm": ".webm"}
"""File that holds the codec of a video's kind; ``.m4a`` for the others."""


class Soundtrack:
    """The sound of a video, while it is made; without arguments, silence."""

    def __init__(self, narration: Future[Narration] | None = None, sound: Future[Path | None] | None = None) -> None:
        self._narration, self._sound = narration, sound

    def narration(self) -> Narration:
        """The narration, as soon as it is spoken.

        Raises:
            As ``soundtrack``.
        """
        return Narration() if self._narration is None else self._narration.result()

    def path(self) -> Path | None:
        """The file, as soon as it is encoded; None for a silent video.

        Raises:
            As ``soundtrack``.
        """
        return None if self._sound is None else self._sound.result()

    def check(self) -> None:
        """Raise the error with which the thread has ended, if there is one."""
        if self._sound is not None and self._sound.done():
            self._sound.result()


def is_narrated(options: VideoOptions) -> bool:
    """Return whether sentences are wanted, in speech or in captions."""
    return options.narrate is not None or captions_of(options.narrate, options.captions) is not None


@contextmanager
def soundtrack(
    programme: Programme, options: VideoOptions, suffix: str, studio: Studio, *, kept: Path | None = None
) -> Iterator[Soundtrack]:
    """Yield the sound, whose file exists for the duration of the block.

    It is as long as the picture: a sentence that would end later is left out, an effect is cut off.

    Args:
        suffix: of the video's file.
        kept: a file with the narration, if it is spoken already.

    Raises:
        UsageError: a sound of the studio can't be read.
        MissingExtraError: the chosen voice is not installed.
        EpisodeFileError: a recording is damaged.
        VideoError: ffmpeg failed, or there is no room for the file.
    """
    if options.effects is None and not is_narrated(options):
        yield Soundtrack()
        return
    is_over = threading.Event()

    def check() -> None:
        if is_over.is_set():
            raise VideoStoppedError("the picture was stopped")

    with (
        work_folder() as folder,
        ThreadPoolExecutor(1, thread_name_prefix="sound") as thread,
        _narrated(programme, options, studio, folder, kept) as speak,
    ):
        notes, bank = _effects(programme, options, studio)

        def make() -> Path | None:
            speeches = narration.result().speeches()
            if options.effects is None and not speeches:
                return None
            lossless = folder / "mix.flac"
            path = folder / (f"sound{_AUDIO_SUFFIXES.get(suffix.lower(), '.m4a')}")
            blocks = mixed(notes, bank.sound, speeches, max(1, round(programme.secs * RATE)))
            write_lossless(_checked(blocks, check), lossless)
            encode_sound(lossless, path, check=check)
            lossless.unlink()
            return path

        narration = thread.submit(speak)
        sound = thread.submit(make)
        try:
            yield Soundtrack(narration, sound)
        finally:
            is_over.set()


@contextmanager
def _narrated(
    programme: Programme, options: VideoOptions, studio: Studio, folder: Path, kept: Path | None
) -> Iterator[Callable[[], Narration]]:
    if not is_narrated(options):
        yield Narration
        return
    if kept is not None:
        yield partial(kept_narration, kept, folder)
        return
    with narrating(programme.script(), options, studio, seed=programme.seed, folder=folder) as speak:
        yield speak


def _effects(programme: Programme, options: VideoOptions, studio: Studio) -> tuple[list[Note], SoundBank]:
    """The notes and their sounds; no notes without effects."""
    affordances = programme.affordances
    if options.effects is None:
        return [], SoundBank("soft", programme.seed, affordances)
    own = {} if studio.sounds_dir is None else read_own_sounds(studio.sounds_dir, programme.action_names)
    return programme.notes(), SoundBank(options.effects, programme.seed, affordances, own)


def _checked(blocks: Iterator[Samples], check: Callable[[], None]) -> Iterator[Samples]:
    for block in blocks:
        check()
        yield block
