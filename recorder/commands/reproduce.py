"""Play a recorded episode of a Gymnasium environment again, and compare each step with the recording.

It needs the episode's seed, which AutoSeed records. With --output, the environment draws the video. The exit status is 1 if a
step differs. --states sets the recorded states instead, which needs no seed, and compares the pictures that were recorded.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from recorder.commands.arguments.opening import open_catalog, run_of, settings_of
from recorder.commands.arguments.parsing import non_negative, number, positive_number
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.frame_progress import FrameProgress
from recorder.commands.terminal.output import Output, counted, human_bytes
from recorder.errors import UsageError
from recorder.recordings.find import open_checked_recording
from recorder.runtime.extras import require_extra
from recorder.runtime.search_path import let_user_code_be_found
from recorder.storage import open_recordings
from recorder.urls import local_path

_USUAL_FPS = 30.0
EXAMPLE = """\
reproduce 500 --run cart-pole
reproduce 500 --output episode_500.mp4
reproduce 500 --states --output episode_500.mp4
reproduce 500 --import my_package.environments --tolerance 1e-6"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "episode_id", type=non_negative, help="without --run, in the newest run that has a recording of it"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="video of it, drawn by the environment")
    parser.add_argument(
        "--fps",
        type=positive_number,
        help="frames (steps) per second (default: the environment's, or 30)",
    )
    parser.add_argument("--env", metavar="ID", help="environment to use (default: the recorded one)")
    parser.add_argument(
        "--import",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="import a module that registers environments",
    )
    parser.add_argument(
        "--tolerance", type=number, default=0.0, metavar="X", help="largest difference between numbers (default: 0)"
    )
    parser.add_argument(
        "--states",
        action="store_true",
        help="set the recorded states instead of playing the actions (recorded with states=True)",
    )


def run(args: argparse.Namespace) -> int:
    """Replay and compare, then make the video."""
    from recorder.wrappers import Reproduction, make_environment  # lazy: loads gymnasium
    from recorder.wrappers.environment.description import changing_wrappers

    let_user_code_be_found()
    if args.output is not None:
        local_path(args.output, "--output")
    for module in args.modules:
        try:
            import_module(module)
        except ImportError as error:
            raise UsageError(f"--import {module}: {error}") from error
    settings = settings_of(args)
    output = Output.of(args)
    with open_catalog(settings) as catalog:
        row, episode = open_checked_recording(
            catalog, open_recordings(settings), run_of(args, catalog), args.episode_id
        )
        config = {**episode.metadata.info, **(catalog.get_run(row.run_id).config or {})}
    make = partial(make_environment, config, env_id=args.env)
    if args.states:
        return _restore(episode, make, args, output)
    with make() as env:
        reproduction = Reproduction(episode, env, tolerance=args.tolerance)
        divergence = reproduction.run()
    found: dict[str, Any] = {
        "run_id": row.run_id,
        "episode_id": row.episode_id,
        "n_steps": reproduction.n_steps,
        "divergence": None if divergence is None else asdict(divergence),
    }
    what = f"episode {row.episode_id} of run {row.run_id}"
    if divergence is not None:
        output.document(found)
        output.note(f"{what} diverges at {divergence}")
        if wrappers := changing_wrappers(config):
            output.note(
                f"it was recorded through {', '.join(wrappers)}, which may change rewards, observations or actions, and which "
                "this command does not make: wrap an environment the same way, and call "
                "recorder.wrappers.Reproduction(episode, env).run()"
            )
        elif not args.tolerance:
            output.note(
                "if only the last digits differ, because of other versions or another processor: --tolerance 1e-6"
            )
        return ExitStatus.FAILED
    output.note(f"{what}: {counted(reproduction.n_steps, 'step')} replayed without a difference")
    if reproduction.n_steps < row.survival_steps:
        output.note(f"the steps from {reproduction.n_steps} on were lost during recording")
    if args.output is not None:
        with make(render_mode="rgb_array") as env, FrameProgress(enabled=not output.as_json) as progress:
            drawn = Reproduction(episode, env, tolerance=args.tolerance)
            video = _make_video(drawn, env, args, progress)
        if drawn.divergence is not None:
            output.warn(f"the second replay, for the video, diverged at {drawn.divergence}")
        found["video"] = video._asdict()
        output.note(f"{video.path}: {counted(video.n_frames, 'frame')}, {human_bytes(video.file_size_bytes)}")
    output.document(found)
    return ExitStatus.OK


def _restore(episode: Any, make: Any, args: argparse.Namespace, output: Output) -> int:
    """Show the states, and make the video."""
    from recorder.wrappers import Restoration  # lazy: loads gymnasium

    metadata = episode.metadata
    found = {"run_id": metadata.run_id, "episode_id": metadata.episode_id, "n_steps": episode.n_steps}
    with make(render_mode="rgb_array") as env, FrameProgress(enabled=not output.as_json) as progress:
        restoration = Restoration(episode, env)
        if args.output is None:
            restoration.run()
        else:
            video = _make_video(restoration, env, args, progress)
    output.note(f"episode {metadata.episode_id} of run {metadata.run_id}: {counted(episode.n_steps, 'state')} set")
    output.note(*filter(None, [restoration.comparison()]))
    if args.output is not None:
        found["video"] = video._asdict()
        output.note(f"{video.path}: {counted(video.n_frames, 'frame')}, {human_bytes(video.file_size_bytes)}")
    output.document({**found, "n_compared": restoration.n_compared, "difference": restoration.difference})
    return ExitStatus.OK


def _make_video(reproduction: Any, env: Any, args: argparse.Namespace, progress: FrameProgress) -> Any:
    with require_extra("A video", "worker", extra="video"):
        from worker.video import VideoOptions  # lazy: loads matplotlib
        from worker.video.encoding.frame_loop import make_video
        from worker.video.picture_frames import PictureFrames

    n_frames = reproduction.n_steps + 1
    calls = iter([reproduction.begin, *[reproduction.step] * reproduction.n_steps])

    def draw_next() -> object:
        next(calls)()
        return reproduction.picture()

    progress.begin(args.output.name)
    fps = args.fps or float(env.metadata.get("render_fps") or _USUAL_FPS)
    return make_video(
        PictureFrames(draw_next, n_frames),
        args.output,
        VideoOptions.chosen(fps=fps),
        on_frame=lambda n_done: progress.advance(n_done, n_frames),
    )
