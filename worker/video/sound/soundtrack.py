"""The encoded sound of a video, as a temporary file that is put beside the picture."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.episode_file import Episode
from recorder.errors import VideoError
from recorder.outline import EpisodeEvents
from recorder.video.options import VideoOptions
from worker.video.sound.loudness import encode_sound, write_lossless
from worker.video.sound.mixing import mixed
from worker.video.sound.score import make_score
from worker.video.sound.studio import Studio
from worker.video.sound.themes import SoundBank
from worker.video.sound.wav_files import read_own_sounds
from worker.video.sound.waves import RATE

__all__ = ["sound_seed", "soundtrack"]

_AUDIO_SUFFIXES = {".webm": ".webm"}
"""File that holds the codec of a video's kind; ``.m4a`` for the others."""


def sound_seed(episode: Episode) -> int:
    """Return the seed of an episode's sound: the same episode sounds the same everywhere."""
    metadata = episode.metadata
    return zlib.crc32(f"{metadata.run_id}/{metadata.episode_id}".encode("utf-8", "surrogatepass"))


@contextmanager
def soundtrack(episode: Episode, options: VideoOptions, suffix: str, studio: Studio) -> Iterator[Path | None]:
    """Yield a file with the encoded sound, or None if none is wanted.

    It is as long as the picture: a sound that would end later is cut off.

    Args:
        suffix: of the video's file.

    Raises:
        UsageError: a sound of the studio can't be read.
        EpisodeFileError: the recording is damaged.
        VideoError: ffmpeg failed, or there is no room for the file.
    """
    if options.effects is None:
        yield None
        return
    events = EpisodeEvents(episode)
    timeline = options.timeline(episode.n_steps)
    own = {} if studio.sounds_dir is None else read_own_sounds(studio.sounds_dir, events.scene.action_names)
    bank = SoundBank(options.effects, sound_seed(episode), list(events.scene.affordances), own)
    notes = make_score(events, timeline)
    n_samples = max(1, round(timeline.n_frames * RATE / timeline.fps))
    try:
        folder = tempfile.TemporaryDirectory(prefix="hamlet-sound-")
    except OSError as error:
        raise VideoError(f"can't create a temporary folder for the sound ({error.strerror})") from error
    with folder as name:
        lossless = Path(name, "mix.flac")
        path = Path(name, f"sound{_AUDIO_SUFFIXES.get(suffix.lower(), '.m4a')}")
        write_lossless(mixed(notes, bank.sound, (), n_samples), lossless)
        encode_sound(lossless, path)
        lossless.unlink()
        yield path
