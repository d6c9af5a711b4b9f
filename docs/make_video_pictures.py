"""Draw the pictures of ``docs/video.md``: ``python -m docs.make_video_pictures [RECORDINGS]``.

RECORDINGS is a folder that ``hamlet-recorder demo`` has filled; with it, the pictures of its best episode are drawn as well.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import NDArray

from recorder import Catalog, open_episode
from recorder.catalog import RecordingRow
from recorder.video.timeline import make_timeline
from tests.video.sample import observed_steps, sample_episode, sample_steps
from worker.video import EpisodeVideoRenderer, VideoOptions
from worker.video.cards.subtitles import Subtitled
from worker.video.compare import ComparisonRenderer
from worker.video.episode.series import LearningPoint
from worker.video.in_run import renderer_in_run
from worker.video.narration.narration import Line, Narration, narrate
from worker.video.reel import Clip, Pick, ReelRenderer
from worker.video.sound.mixing import mixed
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.studio import Studio
from worker.video.sound.themes import SoundBank
from worker.video.sound.waves import RATE

FOLDER = Path(__file__).parent / "pictures"

N_STEPS = 300
CURVE = [LearningPoint(i, 40 * math.log1p(i / 60) - 15 + 12 * math.sin(i * 2.4)) for i in range(0, 900, 3)]


def main(recordings: str = "") -> None:
    """Draw them all."""
    FOLDER.mkdir(exist_ok=True)
    if recordings:
        draw_best(Path(recordings))
    episode = sample_episode(N_STEPS)
    timeline = make_timeline(N_STEPS, fps=30, steps_per_second=6, title_secs=1)
    for style in ("dark", "light"):
        renderer = EpisodeVideoRenderer(
            episode,
            width=1280,
            height=720,
            style=style,
            timeline=timeline,
            learning_curve=CURVE,
            caption="stage 2: best",
        )
        save(f"video_{style}", renderer.frame(timeline.frame_of_step(93) + 3))
        if style == "dark":
            save("video_title", renderer.frame(0))
    comparison = ComparisonRenderer(episode, sample_episode(200, episode_id=480), VideoOptions(width=1280, height=720))
    comparison.draw(150)
    save("video_comparison", comparison.canvas.pixels)
    save("video_reel", reel())
    steps = [
        replace(step, position=(step.step // 9 % 5, step.step % 5, step.step // 60 % 3))
        for step in sample_steps(180, n_meters=4, n_actions=90)
    ]
    many = sample_episode(
        steps=steps,
        affordance_layout={"Lift": (2, 2, 0), "Roof": (4, 0, 2)},
        meter_names=(),
        action_names=(),
        grid_size=5,
    )
    seen = sample_episode(
        steps=observed_steps(240), affordance_layout={}, meter_names=(), action_names=("left", "right")
    )
    save("video_observation", EpisodeVideoRenderer(seen, width=1280, height=720).frame(160))
    save("video_floors", EpisodeVideoRenderer(many, width=1280, height=720).frame(130))


def reel() -> NDArray[np.uint8]:
    """Cards and frames of a reel, side by side."""
    options = VideoOptions(width=640, height=360, title_secs=1.0, steps_per_second=30.0)
    captions = {120: "stage 1: worst", 431: "stage 1: best", 500: "stage 2: best"}
    clips = [
        Clip(
            sample_episode(90 + 60 * i, episode_id=episode_id, curriculum_stage=int(caption[6])),
            options,
            Pick(RecordingRow("run", episode_id), caption, caption.rpartition(" ")[2]),
        )
        for i, (episode_id, caption) in enumerate(captions.items())
    ]
    renderer = ReelRenderer(clips, CURVE)
    columns, start = [], 0
    for clip in clips:
        shown = []
        for frame in (start, start + 80):
            renderer.draw(frame)
            shown.append(renderer.canvas.pixels.copy())
        columns.append(np.vstack(shown))
        start += clip.episode.n_steps + 30
    return np.hstack(columns)


def heard(programme: EpisodeProgramme, options: VideoOptions) -> tuple[NDArray[np.float32], Narration]:
    """The samples of a narrated episode, and what is said."""
    bank = SoundBank(options.effects or "soft", programme.seed, programme.affordances)
    with tempfile.TemporaryDirectory() as folder:
        narration = narrate(programme.script(), options, Studio(), seed=programme.seed, folder=Path(folder))
        blocks = mixed(programme.notes(), bank.sound, narration.speeches(), round(programme.secs * RATE))
        return np.concatenate(list(blocks)).mean(axis=1), narration


def draw_best(recordings: Path) -> None:
    """Six frames and the sound of the episode with the greatest return, as a story with effects, voice and captions."""
    options = VideoOptions.chosen(
        "youtube-1080p", width=640, height=360, fps=30.0, effects="soft", narrate="commentator", captions="burn"
    )
    with Catalog(str(recordings / "catalog.db"), read_only=True) as catalog:
        (best,) = catalog.query_recordings(order="-reward", limit=1)
        episode = open_episode(recordings / best["file_path"])
        renderer = renderer_in_run(catalog, best["run_id"], episode, options)
    samples, narration = heard(EpisodeProgramme(episode, renderer.timeline, agent=None), options)
    save("video_story_sound", drawn_sound(samples, narration.lines))
    shown = Subtitled(renderer, narration.cues(), fps=options.rate, style=options.style)
    middles = [round(float(options.rate) * (line.start + line.end) / 2) for line in narration.lines]
    chosen = [middles[len(middles) * place // 5] for place in range(5)] + [renderer.n_frames - 1]
    frames = []
    for frame in chosen:
        shown.draw(frame)
        frames.append(shown.canvas.pixels.copy())
    save("video_story", np.vstack([np.hstack(frames[:3]), np.hstack(frames[3:])]))


def drawn_sound(samples: NDArray[np.float32], lines: Sequence[Line]) -> NDArray[np.uint8]:
    """The sentences above the waveform above the frequencies, over the same seconds."""
    figure = Figure(figsize=(12.8, 6.4), dpi=75, layout="constrained")
    said, wave, tones = figure.subplots(3, 1, sharex=True, height_ratios=[2, 2, 3])
    times = np.arange(len(samples)) / RATE
    wave.plot(times[::20], samples[::20], linewidth=0.4, color="#4c78a8")
    wave.set_ylabel("samples")
    with np.errstate(divide="ignore"):  # silence has no decibels
        tones.specgram(samples, NFFT=2048, Fs=RATE, noverlap=1024, vmin=-130)
    tones.set(ylim=(0, 6_000), ylabel="Hz", xlabel="seconds of the video", xlim=(0, times[-1]))
    for number, line in enumerate(lines):
        height = number % 4
        said.barh(height, line.end - line.start, left=line.start, height=0.3, color="#f2a541")
        said.text(line.start, height + 0.22, line.text, fontsize=7)
    said.set(ylim=(-0.4, 4), yticks=[], ylabel="sentences")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]


def save(name: str, pixels: NDArray[np.uint8]) -> None:
    """Write ``docs/pictures/<name>.png``."""
    imsave(FOLDER / f"{name}.png", pixels)


if __name__ == "__main__":
    main(*sys.argv[1:])
