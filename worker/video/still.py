"""One frame that shows what a video would look like.

``python -m worker.video.still`` draws it in a process by itself, for a program that does not load the drawing. It reads
``{"catalog": …, "recordings": …, "run_id": …, "episode_id": …, "choices": {…}, "cpu_secs": …}`` from standard input and writes a
PNG. If that fails, it writes a message instead and ends with status 2 for a choice that is impossible, and 1 for anything else.
It ends after ``cpu_secs`` of processor time, however busy the machine is with other things.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NoReturn

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

from recorder.catalog import Catalog
from recorder.errors import RecorderError, UsageError, VideoError
from recorder.outline import EpisodeEvents
from recorder.recordings.find import open_checked_recording
from recorder.storage import open_storage
from recorder.video.options import VideoOptions
from recorder.video.sound_choices import burns_narration
from worker.video.cards.subtitles import Subtitled
from worker.video.in_run import renderer_in_run
from worker.video.narration.facts import climax_of
from worker.video.narration.narration import narrate
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.studio import Studio

__all__ = ["draw_still", "main"]

_WIDTH = 640
"""Pixels: a frame is drawn smaller than it will be, because it is shown in a dialog."""
_AFTER_SECS = 0.4
"""After the step that it shows, so that a zoom and a caption have begun."""


def draw_still(
    catalog: Catalog, recordings: str | Path, run_id: str | None, episode_id: int, options: VideoOptions
) -> NDArray[np.uint8]:
    """Draw the frame with the climax of the part that is shown, or one from its middle.

    Burnt sentences of a narration are the grammar's; then the frame is one with a sentence.

    Returns:
        ``uint8[height, width, 3]``, RGB, at most 640 wide.

    Raises:
        UsageError: a choice does not fit this episode.
        RecordingNotFoundError, StorageError, EpisodeFileError: as ``export_episode_video``.
    """
    scale = min(1.0, _WIDTH / options.width)
    options = replace(options, **{side: 2 * round(scale * getattr(options, side) / 2) for side in ("width", "height")})
    row, episode = open_checked_recording(catalog, open_storage(recordings), run_id, episode_id)
    renderer = renderer_in_run(catalog, row.run_id, episode, options, drawn=_not_drawn)
    timeline = renderer.timeline
    shown = range(timeline.first_index, timeline.end_index)
    index = climax_of(EpisodeEvents(episode, options.agent), shown)
    frame = timeline.frame_of_step(shown[len(shown) // 2] if index is None else index)
    frame = min(frame + round(_AFTER_SECS * timeline.fps), timeline.n_frames - 1)
    if not burns_narration(options.narrate, options.captions):
        return renderer.frame(frame)
    script = EpisodeProgramme(episode, timeline, agent=options.agent).script()
    cues = narrate(script, replace(options, voice="none"), Studio(), seed=0, folder=Path()).cues()
    if cues:
        cue = min(cues, key=lambda cue: abs(cue.start * timeline.fps - frame))
        frame = int((cue.start + cue.end) / 2 * timeline.fps)
    Subtitled(renderer, cues, fps=options.rate, style=options.style).draw(frame)
    return renderer.canvas.pixels


def _not_drawn(index: int) -> None:
    """A still shows no environment: only a render worker makes one."""


def main() -> int:
    """Answer the request on standard input."""
    request = json.load(sys.stdin.buffer)
    output = sys.stdout.buffer
    try:
        _end_after(request["cpu_secs"])
        options = VideoOptions.chosen(**request["choices"])
        options.check(options.suffix)
        with Catalog(request["catalog"], read_only=True) as catalog:
            pixels = draw_still(catalog, request["recordings"], request["run_id"], request["episode_id"], options)
    except RecorderError as error:
        output.write(str(error).encode())
        return 2 if isinstance(error, UsageError) else 1
    picture = BytesIO()
    imsave(picture, pixels, format="png")
    output.write(picture.getvalue())
    return 0


def _end_after(cpu_secs: float) -> None:
    def end(*_: object) -> NoReturn:
        raise VideoError(f"drawing this frame takes more than {cpu_secs:g} seconds")

    signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, cpu_secs)


if __name__ == "__main__":
    sys.exit(main())
