"""Make the moving picture of the README from an episode of the demo: ``python -m docs.make_moving_picture``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from recorder import Catalog, open_episode
from recorder.video.timeline import make_timeline
from tests.processes import run_python
from worker.video import EpisodeVideoRenderer

PICTURE = Path(__file__).parent / "pictures" / "demo.webp"
MAX_BYTES = 1_000_000
FPS = 12.0
STEPS_PER_SECOND = 4.0


def main() -> None:
    """Run the demo, and draw a part of its best episode.

    Raises:
        SystemExit: the demo failed, or the picture is larger than a README should load.
    """
    with tempfile.TemporaryDirectory() as folder:
        status, output = run_python(["-m", "recorder", "demo", "--seconds", "60", "--exit"], folder=Path(folder))
        if status:
            sys.exit(output)
        make_picture(Path(folder) / "demo-data" / "recordings", PICTURE)


def make_picture(recordings: Path, picture: Path, *, n_steps: int = 50) -> None:
    """Draw the middle of the episode with the greatest return, as the video exporter draws it, into an animated WebP."""
    with Catalog(str(recordings / "catalog.db"), read_only=True) as catalog:
        (best,) = catalog.query_recordings(order="-reward", limit=1)
    episode = open_episode(recordings / best["file_path"])
    timeline = make_timeline(episode.n_steps, fps=FPS, steps_per_second=STEPS_PER_SECOND)
    renderer = EpisodeVideoRenderer(episode, width=800, height=450, timeline=timeline)
    middle = episode.n_steps // 2
    first, end = (timeline.frame_of_step(min(step, episode.n_steps - 1)) for step in (middle, middle + n_steps))
    frames = [Image.fromarray(renderer.frame(number).copy()) for number in range(first, end)]
    frames[0].save(picture, save_all=True, append_images=frames[1:], duration=round(1000 / FPS), loop=0, quality=60)
    if picture.stat().st_size > MAX_BYTES:
        sys.exit(f"the picture has {picture.stat().st_size} bytes, more than {MAX_BYTES}: {picture}")


if __name__ == "__main__":
    main()
