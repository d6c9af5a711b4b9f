"""How long frames take to draw and videos to make, against the encoder alone and against the baseline's way."""

from __future__ import annotations

import multiprocessing
import subprocess
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.baseline_video import export_by_baseline
from benchmarks.many_videos import make_videos
from benchmarks.steps import GRID_SIZE, LAYOUT, METER_NAMES, episode_arrays
from recorder.catalog import Catalog, RecordingRow
from recorder.episode import EpisodeMetadata
from recorder.episode_file import Episode, open_episode
from recorder.episode_file.version1 import build_version1
from recorder.recorded_step import RecordedStep
from recorder.storage import episode_path, open_storage
from recorder.video.options import VideoOptions
from recorder.video.request import make_request
from worker.video.encoding.encoder import output_arguments
from worker.video.encoding.ffmpeg import ffmpeg_path
from worker.video.encoding.frame_loop import make_video
from worker.video.encoding.planes import Yuv420Planes
from worker.video.files.video_files import LocalVideos
from worker.video.in_run import make_renderer
from worker.video.queue.context import RenderContext, RenderLimits
from worker.video.queue.planning import begin_video
from worker.video.queue.rendering import render_segment

__all__ = ["bench_episode", "measure_draw", "measure_export", "measure_render_rss", "measure_segments"]

_RUN = "bench"
_FULL_HD = VideoOptions(width=1920, height=1080, chapters=False)
_N_BASELINE_FRAMES = 20
"""The baseline's way takes the same time for every frame; its 300 are reckoned from these."""


def measure_draw(*, quick: bool) -> dict[str, float]:
    """``draw_ms`` one frame drawn, and ``planes_ms`` its changes converted for the encoder: medians over an episode."""
    episode = bench_episode(10 if quick else 300)
    renderer = make_renderer(episode, _FULL_HD)
    planes = Yuv420Planes(renderer.canvas)
    draw_secs, planes_secs = [], []
    for frame in range(renderer.n_frames):
        began = time.perf_counter()
        renderer.draw(frame)
        drawn = time.perf_counter()
        planes.update()
        draw_secs.append(drawn - began)
        planes_secs.append(time.perf_counter() - drawn)
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as folder:
        theirs = export_by_baseline(episode, Path(folder), 1 if quick else 5)
    return {
        "draw_ms": 1e3 * median(draw_secs[1:]),
        "planes_ms": 1e3 * median(planes_secs[1:]),
        "baseline_draw_ms": 1e3 * theirs.draw_secs,
        "baseline_png_ms": 1e3 * theirs.png_secs,
    }


def measure_export(*, quick: bool) -> dict[str, float]:
    """``export_vs_encode`` and ``export_vs_baseline``: 300 steps, preset slow; ours and the encoder alone take turns."""
    n_steps = 4 if quick else 300
    episode = bench_episode(n_steps)
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        raw = folder / "frames.yuv"
        _write_raw(episode, raw)
        ours, alone = [], []
        for _ in range(1 if quick else 3):
            began = time.perf_counter()
            make_video(make_renderer(episode, _FULL_HD), folder / "ours.mp4", _FULL_HD)
            ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            _encode_alone(raw, folder / "alone.mp4")
            alone.append(time.perf_counter() - began)
        n_baseline = min(n_steps, 2 if quick else _N_BASELINE_FRAMES)
        theirs = export_by_baseline(episode, folder, n_baseline)
    baseline_secs = (theirs.draw_secs + theirs.png_secs + theirs.encode_secs / n_baseline) * n_steps
    return {
        "export_vs_encode": median(ours) / median(alone),
        "export_vs_baseline": median(ours) / baseline_secs,
        "export_ms_a_frame": 1e3 * median(ours) / n_steps,
        "baseline_export_ms_a_frame": 1e3 * baseline_secs / n_steps,
    }


def measure_segments(*, quick: bool) -> dict[str, float]:
    """``segments_speedup``: 5,000 steps, preset veryfast, one encoder thread each: one worker's time / two workers'."""
    n_steps = 40 if quick else 5000
    secs = {n_workers: _render_in_segments(n_steps, n_workers) for n_workers in (1, 2)}
    return {"segments_speedup": secs[1] / secs[2], "segments_1_worker_s": secs[1], "segments_2_workers_s": secs[2]}


def measure_render_rss(*, quick: bool) -> dict[str, float]:
    """``render_rss_mb``: memory of one process after 200 videos; ``render_rss_growth_mb``: more than after the first 20."""
    n_videos, n_warm = (4, 2) if quick else (200, 20)
    context = multiprocessing.get_context("spawn")
    numbers = context.Queue()
    files = [_episode_file(10 + i) for i in range(7)]
    process = context.Process(target=make_videos, args=(files, n_videos, n_warm, numbers))
    process.start()
    warm, after = numbers.get(timeout=3600)
    process.join()
    return {"render_rss_mb": after, "render_rss_growth_mb": after - warm}


def bench_episode(n_steps: int) -> Episode:
    """An episode of random steps."""
    return open_episode(_episode_file(n_steps))


def _episode_file(n_steps: int) -> bytes:
    arrays = episode_arrays(n_steps)
    steps = []
    for i in range(n_steps):
        values: dict[str, Any] = {name: getattr(arrays, name)[i, 0].tolist() for name in arrays.__dataclass_fields__}
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        steps.append(RecordedStep(step=i, **values))
    metadata = EpisodeMetadata(
        episode_id=500,
        run_id=_RUN,
        n_steps=n_steps,
        meter_names=METER_NAMES,
        grid_size=GRID_SIZE,
        affordance_layout=LAYOUT,
    )
    return build_version1(metadata=metadata, reasons=("periodic_100",), steps=steps)[0]


def _write_raw(episode: Episode, path: Path) -> None:
    renderer = make_renderer(episode, _FULL_HD)
    planes = Yuv420Planes(renderer.canvas)
    with path.open("wb") as file:
        for frame in range(renderer.n_frames):
            renderer.draw(frame)
            planes.update()
            for plane in planes.planes():
                file.write(plane.data)


def _encode_alone(raw: Path, path: Path) -> None:
    source = [
        "-f",
        "rawvideo",
        "-pixel_format",
        "yuv420p",
        "-video_size",
        "1920x1080",
        "-framerate",
        "30",
        # As the exporter says it: an input without colours would be converted on the way.
        "-color_range",
        "tv",
        "-colorspace",
        "bt709",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
        "-i",
        str(raw),
    ]
    output = output_arguments(_FULL_HD.encoder, Fraction(30))
    subprocess.run([ffmpeg_path(), "-loglevel", "error", *source, *output, "-y", str(path)], check=True)


def _render_in_segments(n_steps: int, n_workers: int) -> float:
    """Seconds from the plan to the joined video."""
    process_context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="hamlet-bench-") as name:
        folder = Path(name)
        place = episode_path(_RUN, 500)
        (folder / place).parent.mkdir()
        (folder / place).write_bytes(_episode_file(n_steps))
        with Catalog(folder / "catalog.db") as catalog:
            catalog.upsert_recordings([RecordingRow(_RUN, 500, file_path=place, n_steps=n_steps)])
            request = make_request("", {"width": 1920, "height": 1080, "preset": "veryfast"}, n_steps=n_steps)
            messages: list[tuple[str, int, str]] = []
            context = _context(folder, catalog, messages)
            video, _ = catalog.enqueue_video(_RUN, 500, request, at=context.now())
            begin_video(context, video.video_id)
            queue = process_context.Queue()
            ready = process_context.Barrier(n_workers + 1)
            workers = [process_context.Process(target=_work, args=(folder, queue, ready)) for _ in range(n_workers)]
            for worker in workers:
                worker.start()
            ready.wait()
            began = time.perf_counter()
            for message in [*messages, *[None] * n_workers]:
                queue.put(message)
            for worker in workers:
                worker.join()
            secs = time.perf_counter() - began
            if catalog.get_video(video.video_id).state != "done":
                raise RuntimeError(f"the video was not made: {catalog.get_video(video.video_id).error}")
        return secs


def _context(folder: Path, catalog: Catalog, messages: list[tuple[str, int, str]]) -> RenderContext:
    return RenderContext(
        catalog=catalog,
        storage=open_storage(folder),
        videos=LocalVideos(folder / "videos"),
        send_segment=lambda *message: messages.append(message),
        send_video=lambda _: None,
        limits=RenderLimits(lease_secs=3600, encoder_threads=1),
    )


def _work(folder: Path, queue: Any, ready: Any) -> None:
    with Catalog(folder / "catalog.db") as catalog:
        context = _context(folder, catalog, [])
        ready.wait()
        while (message := queue.get()) is not None:
            render_segment(context, *message)
