"""Every figure: what measures it, its unit, its target. A module is imported when one of its figures is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

__all__ = ["FIGURES", "Figure", "measure_of"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One key.

    Args:
        key: its name in the table and in the JSON; the baseline design measured in the same run is ``baseline_<key>``.
        measure: ``module:function`` below ``benchmarks``; it takes ``quick`` and returns keys and numbers, its own and
            any that come with them.
        unit: of the number.
        better: which way is better.
        target: what is to be reached; None when the figure is only reported.
        target_ratio: figure / the baseline design in the same run, which counts as well where the machine is slower than
            the one that the targets come from.
        meaning: one line for ``--list``.
    """

    key: str
    measure: str
    unit: str
    better: Literal["lower", "higher"]
    target: float | None
    target_ratio: float | None
    meaning: str


FIGURES: Mapping[str, Figure] = {
    figure.key: figure
    for figure in (
        Figure("record_step_us", "capture:measure_record_step", "us", "lower", 3.3, 1 / 10, "one call, all running"),
        Figure("record_step_alone_us", "capture:measure_record_step", "us", "lower", 2.2, None, "one call by itself"),
        Figure("steps_per_s", "throughput:measure_steps_per_s", "1/s", "higher", 150_000, 9, "to disk and catalog"),
        Figure(
            "batch_steps_per_s", "throughput:measure_batch_steps_per_s", "1/s", "higher", 500_000, 30, "64 lanes a call"
        ),
        Figure(
            "rollout_steps_per_s", "throughput:measure_rollout_steps_per_s", "1/s", "higher", 800_000, None, "[128, 64]"
        ),
        Figure("flat_out_lost_steps", "throughput:measure_flat_out", "steps", "lower", 0, None, "64 lanes a call"),
        Figure(
            "killed_lost_steps", "killed:measure_killed_lost_steps", "steps", "lower", 0, None, "SIGKILL, then recover"
        ),
        Figure("lost_steps", "capture:measure_lost_steps", "steps", "lower", 0, None, "flat out, default settings"),
        Figure("file_bytes", "episode_file:measure_file", "bytes", "lower", 19_000, 0.39, "one episode of 500 steps"),
        Figure(
            "short_episode_bytes", "short_episodes:measure_short_episodes", "bytes", "lower", 200, None, "1 or 2 steps"
        ),
        Figure("short_episode_us", "short_episodes:measure_short_episodes", "us", "lower", None, None, "1 or 2 steps"),
        Figure("load_ms", "episode_file:measure_file", "ms", "lower", 0.2, 1 / 6, "from the file to columns"),
        Figure("train_overhead_pct", "training:measure_train_overhead", "%", "lower", 1.5, None, "the example trainer"),
        Figure("wrapper_step_us", "wrappers:measure_wrappers", "us", "lower", 7, None, "RecordEpisode, a step"),
        Figure("wrapper_call_1_us", "wrappers:measure_wrappers", "us", "lower", 10, None, "a vector of 1 lane"),
        Figure("wrapper_call_8_us", "wrappers:measure_wrappers", "us", "lower", 12, None, "a vector of 8 lanes"),
        Figure("wrapper_call_us", "wrappers:measure_wrappers", "us", "lower", 25, None, "a vector of 64 lanes"),
        Figure(
            "sb3_callback_us", "sb3:measure_sb3_callback", "us", "lower", 20, None, "1 and 8 lanes, Q-values or not"
        ),
        Figure(
            "cleanrl_overhead_pct", "cleanrl:measure_cleanrl_overhead", "%", "lower", 5, None, "a DQN's and a PPO's CPU"
        ),
        Figure("atari_overhead_pct", "atari:measure_atari", "%", "lower", 5, None, "8 lanes of 210x160x3"),
        Figure("atari_bytes_per_step", "atari:measure_atari", "bytes", "lower", 1_000, None, "210x160x3 in the files"),
        Figure(
            "atari_grey_bytes_per_step", "atari:measure_atari", "bytes", "lower", 200, None, "stacks of 4 x 84 x 84"
        ),
        Figure("agents_bytes_ratio", "agents:measure_agents", "", "lower", 1.1, None, "8 agents, 4 absent ÷ 4 alone"),
        Figure("evaluate_per_s", "evaluation:measure_evaluate", "1/s", "higher", 5_000, None, "episodes decided"),
        Figure("trainer_rss_mb", "memory:measure_trainer_rss", "MB", "lower", 87, None, "growth, workers stopped"),
        Figure("redis_peak_bytes", "memory:measure_redis_peak", "bytes", "lower", None, None, "1,000,000 steps"),
        Figure(
            "viewers_json", "replay:measure_viewers_json", "viewers", "higher", 1_000, None, "30 updates a second each"
        ),
        Figure("viewers_binary", "replay:measure_viewers_binary", "viewers", "higher", 1_000, None, "playing chunks"),
        Figure("list_ms", "lists:measure_list", "ms", "lower", 50, None, "any filter over 1,000,000 episodes, p99"),
        Figure("server_rss_mb", "replay:measure_server_rss", "MB", "lower", None, None, "after 10,000 episodes"),
        Figure("open_ms", "page:measure_page", "ms", "lower", 45, None, "click to first painted step, p50"),
        Figure("seek_ms", "page:measure_page", "ms", "lower", 20, None, "within 100,000 steps, p50"),
        Figure("page_fps", "page:measure_page", "1/s", "higher", 59, None, "painting at speed 1"),
        Figure("first_paint_ms", "page:measure_page", "ms", "lower", 1_500, None, "the list, at 200 ms latency, p50"),
        Figure("picture_seek_ms", "page:measure_pictures", "ms", "lower", 40, None, "within 2,000 pictures, p50"),
        Figure("picture_fps", "page:measure_pictures", "1/s", "higher", 55, None, "painting 210x160x3"),
        Figure("draw_ms", "video:measure_draw", "ms", "lower", 0.9, None, "one frame of 1920x1080"),
        Figure("export_vs_encode", "video:measure_export", "x", "lower", 1.11, None, "export / the encoder alone"),
        Figure("export_vs_baseline", "video:measure_export", "x", "lower", 1 / 8, None, "export / the baseline's way"),
        Figure("effects_ms_per_s", "sound:measure_effects", "ms", "lower", 20, None, "a second of effects, CPU time"),
        Figure(
            "narrate_vs_realtime", "sound:measure_narration", "x", "lower", 0.5, None, "export / length of the video"
        ),
        Figure("segments_speedup", "video:measure_segments", "x", "higher", 1.7, None, "2 workers against 1"),
        Figure("render_rss_mb", "video:measure_render_rss", "MB", "lower", 120, None, "a worker after 200 videos"),
    )
}


def measure_of(figure: Figure) -> Callable[..., Mapping[str, float]]:
    """The function that measures it.

    Raises:
        ImportError: a package that it needs is not installed.
    """
    module, _, name = figure.measure.partition(":")
    function: Callable[..., Mapping[str, float]] = getattr(import_module(f"benchmarks.{module}"), name)
    return function
