"""The encoded sound of a video, as a temporary file that is put beside the picture, and the captions."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from recorder.episode_file import Episode
from recorder.outline import EpisodeEvents
from recorder.video.episode_timeline import timeline_of
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import captions_of
from recorder.video.timeline import Timeline
from worker.video.narration.narration import Narration, narrate
from worker.video.sound.loudness import encode_sound, write_lossless
from worker.video.sound.mixing import mixed
from worker.video.sound.score import Note, make_score
from worker.video.sound.studio import Studio
from worker.video.sound.themes import SoundBank
from worker.video.sound.wav_files import read_own_sounds
from worker.video.sound.waves import RATE
from worker.video.work_folder import work_folder

__all__ = ["Soundtrack", "sound_seed", "soundtrack"]

_AUDIO_SUFFIXES = {".webm": ".webm"}
"""File that holds the codec of a video's kind; ``.m4a`` for the others."""


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """The sound of a video; ``path`` is None for a silent one."""

    path: Path | None = None
    narration: Narration = field(default_factory=Narration)


def sound_seed(episode: Episode) -> int:
    """Return the seed of an episode's sound: the same episode sounds the same everywhere."""
    metadata = episode.metadata
    return zlib.crc32(f"{metadata.run_id}/{metadata.episode_id}".encode("utf-8", "surrogatepass"))


@contextmanager
def soundtrack(episode: Episode, options: VideoOptions, suffix: str, studio: Studio) -> Iterator[Soundtrack]:
    """Yield the sound as a file that exists for the duration of the block.

    It is as long as the picture: a sentence that would end later is left out, an effect is cut off.

    Args:
        suffix: of the video's file.

    Raises:
        UsageError: a sound of the studio can't be read.
        MissingExtraError: the chosen voice is not installed.
        EpisodeFileError: the recording is damaged.
        VideoError: ffmpeg failed, or there is no room for the file.
    """
    is_narrated = options.narrate is not None or captions_of(options.narrate, options.captions) is not None
    if options.effects is None and not is_narrated:
        yield Soundtrack()
        return
    events = EpisodeEvents(episode)
    timeline = timeline_of(episode, options)
    seed = sound_seed(episode)
    with work_folder() as folder:
        narration = Narration()
        if is_narrated:
            narration = narrate(episode, events, timeline, options, studio, seed=seed, folder=folder)
        speeches = narration.speeches()
        if options.effects is None and not speeches:
            yield Soundtrack(None, narration)
            return
        notes, bank = _effects(events, options, studio, timeline, seed)
        n_samples = max(1, round(timeline.n_frames * RATE / timeline.fps))
        lossless = folder / "mix.flac"
        path = folder / (f"sound{_AUDIO_SUFFIXES.get(suffix.lower(), '.m4a')}")
        write_lossless(mixed(notes, bank.sound, speeches, n_samples), lossless)
        encode_sound(lossless, path)
        lossless.unlink()
        yield Soundtrack(path, narration)


def _effects(
    events: EpisodeEvents, options: VideoOptions, studio: Studio, timeline: Timeline, seed: int
) -> tuple[list[Note], SoundBank]:
    """The notes and their sounds; no notes without effects."""
    affordances = list(events.scene.affordances)
    if options.effects is None:
        return [], SoundBank("soft", seed, affordances)
    own = {} if studio.sounds_dir is None else read_own_sounds(studio.sounds_dir, events.scene.action_names)
    return make_score(events, timeline), SoundBank(options.effects, seed, affordances, own)
