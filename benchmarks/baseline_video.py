"""The baseline's way to a video: a new figure for each frame, a PNG file each, ffmpeg at the end."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from recorder.episode_file import Episode
from worker.video.encoding.ffmpeg import ffmpeg_path

__all__ = ["BaselineExport", "export_by_baseline"]


class BaselineExport(NamedTuple):
    """Seconds a frame: drawn, written as PNG; and the encoding of them all."""

    draw_secs: float
    png_secs: float
    encode_secs: float


def export_by_baseline(episode: Episode, folder: Path, n_frames: int, *, dpi: int = 120) -> BaselineExport:
    """Make ``folder/baseline.mp4`` of the first steps, with the components that the original recorder lists."""
    draw_secs = png_secs = 0.0
    with plt.style.context("dark_background"):
        for index in range(n_frames):
            began = time.perf_counter()
            figure = _draw(episode, index, dpi)
            drawn = time.perf_counter()
            figure.savefig(folder / f"{index:06d}.png", dpi=dpi)
            plt.close(figure)
            draw_secs += drawn - began
            png_secs += time.perf_counter() - drawn
    began = time.perf_counter()
    encoder = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-preset", "slow"]
    source = ["-framerate", "30", "-i", str(folder / "%06d.png")]
    subprocess.run(
        [ffmpeg_path(), "-loglevel", "error", *source, *encoder, "-y", str(folder / "baseline.mp4")], check=True
    )
    return BaselineExport(draw_secs / n_frames, png_secs / n_frames, time.perf_counter() - began)


def _draw(episode: Episode, index: int, dpi: int) -> Figure:
    step = episode.step(index)
    figure = plt.figure(figsize=(16, 9), dpi=dpi)
    grid = figure.add_gridspec(3, 2, width_ratios=[2, 1])
    world, meters, info, values = (
        figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1], grid[2, 1])
    )
    side = int(episode.metadata.grid_size or 8)  # type: ignore[arg-type]
    world.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5), xticks=range(side), yticks=range(side), aspect="equal")
    world.grid(alpha=0.3)
    for name, (x, y) in episode.affordances.items():
        world.text(x, y, name, ha="center", va="center", fontsize=9)
    x, y = step.position
    world.add_patch(Circle((x, y), 0.3, color="yellow"))
    world.set_title(f"Episode {episode.metadata.episode_id}")
    meters.barh(range(len(step.meters)), step.meters)
    meters.set(xlim=(0, 1), yticks=range(len(step.meters)), yticklabels=episode.metadata.meter_names)
    info.axis("off")
    info.text(0, 0.5, f"step {index}\naction {step.action}\nreward {step.reward:.2f}", fontsize=14)
    values.bar(range(len(step.q_values or ())), step.q_values or ())
    values.set_title("Q-values")
    figure.canvas.draw()
    return figure
