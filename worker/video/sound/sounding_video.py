"""Makes a video with its sound: both at once, put together in the end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.video.options import VideoOptions
from recorder.video.sound_choices import burns_narration, may_sound
from worker.video.cards.subtitles import Subtitled
from worker.video.encoding.encoder import join_segments
from worker.video.encoding.frame_loop import FrameSource, VideoFile, make_video
from worker.video.narration.captions import write_captions
from worker.video.sound.programmes.episode import Programme
from worker.video.sound.soundtrack import soundtrack
from worker.video.sound.studio import Studio

__all__ = ["make_sounding_video"]


def make_sounding_video(
    source: FrameSource,
    programme: Programme,
    path: Path,
    options: VideoOptions,
    studio: Studio | None,
    on_frame: Callable[[int, int], bool] | None,
    *,
    chapters: Path | None = None,
) -> VideoFile:
    """Make a video with the sound and the captions that the options ask for.

    Args:
        on_frame: called with the number of finished frames and the total; return False to stop.
        chapters: an ffmetadata file, or None.

    Raises:
        As ``make_video`` and ``soundtrack``.
    """
    with soundtrack(programme, options, path.suffix, studio or Studio()) as sound:

        def report(n_done: int) -> bool:
            sound.check()
            return on_frame is None or on_frame(n_done, source.n_frames)

        shown = source
        if burns_narration(options.narrate, options.captions):
            shown = Subtitled(source, sound.narration().cues(), fps=options.rate, style=options.style)
        if may_sound(options.effects, options.narrate, options.voice):
            with _picture_beside(path) as picture:
                video = make_video(shown, picture, options, on_frame=report)
                size = join_segments(
                    [picture], path, n_frames=video.n_frames, chapters=chapters, soundtrack=sound.path()
                )
            video = video._replace(path=path, file_size_bytes=size)
        else:
            video = make_video(shown, path, options, chapters=chapters, on_frame=report)
        narration = sound.narration()
    captions = write_captions(narration.cues(), path, options)
    return video._replace(captions=captions, notes=narration.notes)


@contextmanager
def _picture_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside the video, on the disk that has room for it."""
    picture = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield picture
    finally:
        picture.unlink(missing_ok=True)
