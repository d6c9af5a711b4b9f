"""How long the sound of a video takes: the effects alone, and a whole export with a narration."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.video import bench_episode
from recorder.episode_file import Episode
from recorder.outline import EpisodeEvents
from recorder.video.options import VideoOptions
from worker.video.in_run import make_renderer
from worker.video.sound.mixing import mixed
from worker.video.sound.programmes.episode import EpisodeProgramme
from worker.video.sound.score import make_score
from worker.video.sound.sounding_video import make_sounding_video
from worker.video.sound.soundtrack import soundtrack
from worker.video.sound.studio import Studio
from worker.video.sound.themes import SoundBank
from worker.video.sound.waves import RATE

__all__ = ["measure_effects", "measure_narration"]

_OPTIONS = VideoOptions(steps_per_second=8.0, title_secs=3.0, hold_secs=4.0, effects="soft")


def measure_effects(*, quick: bool) -> dict[str, float]:
    """``effects_ms_per_s`` events, notes and samples, and ``soundtrack_ms_per_s`` the encoded file as well."""
    episode = bench_episode(16 if quick else 480)
    secs = _secs(episode, _OPTIONS)
    mixes, tracks = [], []
    for _ in range(1 if quick else 3):
        began = time.process_time()
        events = EpisodeEvents(episode)
        bank = SoundBank("soft", 1, list(events.scene.affordances))
        notes = make_score(events, _OPTIONS.timeline(episode.n_steps))
        for _ in mixed(notes, bank.sound, (), round(secs * RATE)):
            pass
        mixes.append(time.process_time() - began)
        began = time.perf_counter()
        with soundtrack(_programme(episode, _OPTIONS), _OPTIONS, ".mp4", Studio()) as sound:
            sound.path()
            tracks.append(time.perf_counter() - began)
    return {"effects_ms_per_s": 1e3 * median(mixes) / secs, "soundtrack_ms_per_s": 1e3 * median(tracks) / secs}


def measure_narration(*, quick: bool) -> dict[str, float]:
    """``narrate_vs_realtime`` a whole export with effects and the best voice / the length of the video.

    ``silent_vs_realtime`` is the same without sound, in turns.
    """
    episode = bench_episode(16 if quick else 240)
    narrated = replace(_OPTIONS, narrate="commentator")
    silent = replace(_OPTIONS, effects=None)
    secs = _secs(episode, narrated)
    found: dict[str, list[float]] = {"narrate": [], "silent": []}
    for _ in range(1 if quick else 2):
        for name, options in (("narrate", narrated), ("silent", silent)):
            began = time.perf_counter()
            _export(episode, options)
            found[name].append((time.perf_counter() - began) / secs)
    return {f"{name}_vs_realtime": min(times) for name, times in found.items()}


def _programme(episode: Episode, options: VideoOptions) -> EpisodeProgramme:
    return EpisodeProgramme(episode, options.timeline(episode.n_steps), agent=options.agent)


def _secs(episode: Episode, options: VideoOptions) -> float:
    timeline = options.timeline(episode.n_steps)
    return float(timeline.n_frames / timeline.fps)


def _export(episode: Episode, options: VideoOptions) -> None:
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as folder:
        path = Path(folder, "video.mp4")
        make_sounding_video(make_renderer(episode, options), _programme(episode, options), path, options, None, None)
