"""The example's command line: ``python -m examples.hamlet --seconds 60 --redis redis://localhost:6379/0``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from examples.hamlet.environment import describe_world
from examples.hamlet.train import train
from recorder import EpisodeRecorder, RecordingWriter, load_settings
from recorder.demo.result import TrainingProgress, TrainingResult

EXAMPLES = """examples:
  python -m examples.hamlet --seconds 60                                   train, record nothing
  python -m examples.hamlet --seconds 60 --memory --recordings recordings  record without a server
  python -m examples.hamlet --seconds 60 --redis redis://localhost:6379/0  record through Redis; workers write the files
  python -m examples.hamlet --seconds 60 --config config.yaml              record as its `recording` says
"""


def main() -> int:
    """Train as the arguments say and print what came out; returns the exit status."""
    arguments = _parser().parse_args()
    # The tensors are small: a second thread costs more than it brings.
    torch.set_num_threads(1)
    with _recorder(arguments) as recorder:
        result = train(
            recorder=recorder,
            n_lanes=arguments.lanes,
            seconds=arguments.seconds,
            env_steps=arguments.steps,
            seed=arguments.seed,
            device=arguments.device,
            on_progress=_print_progress,
        )
    _print_result(result)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.hamlet",
        description="Learn to live in a small town, and record it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, help="length of the run (60, when --steps is not given either)")
    parser.add_argument("--steps", type=int, help="environment steps to live, all lanes together")
    parser.add_argument("--lanes", type=int, default=32, help="lives lived side by side (32)")
    parser.add_argument("--seed", type=int, default=0, help="of the world, the weights and the agent (0)")
    parser.add_argument("--device", default="cpu", help="torch device (cpu)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--redis", metavar="URL", help="record through this server")
    where.add_argument("--config", metavar="FILE", type=Path, help="record as its section `recording` says")
    where.add_argument("--memory", action="store_true", help="record without a server, in this process")
    parser.add_argument("--run-id", help="name of the run (made up by the recorder)")
    parser.add_argument(
        "--recordings", type=Path, default=Path("recordings"), help="where --memory writes (recordings)"
    )
    return parser


@contextmanager
def _recorder(arguments: argparse.Namespace) -> Iterator[EpisodeRecorder | None]:
    """The recorder that the arguments ask for; on the way out, also by Ctrl-C, everything is sent or written."""
    world = describe_world(arguments.seed, arguments.device)
    if arguments.redis:
        with EpisodeRecorder(arguments.redis, run_id=arguments.run_id, **world) as recorder:
            yield recorder
    elif arguments.config:
        settings = load_settings(arguments.config)
        if not settings.enabled:
            yield None
            return
        if settings.redis.url is None:
            raise SystemExit(
                f"{arguments.config}: recording.redis.url is missing; without a server, record with --memory"
            )
        named = {} if arguments.run_id is None else {"run_id": arguments.run_id}
        with EpisodeRecorder.from_settings(settings, **named, **world) as recorder:
            yield recorder
    elif arguments.memory:
        # Without a server the workers' part is played by a thread of this process.
        arguments.recordings.mkdir(parents=True, exist_ok=True)
        recorder = EpisodeRecorder(run_id=arguments.run_id, **world)
        with RecordingWriter(recorder, arguments.recordings / "catalog.db", arguments.recordings):
            yield recorder
    else:
        yield None


def _print_progress(progress: TrainingProgress) -> None:
    print(
        f"{progress.seconds:5.0f} s  {progress.env_steps:8,} steps  {progress.n_episodes:5,} episodes"
        f"  stage {progress.stage}  epsilon {progress.epsilon:.2f}  survival {progress.recent_survival:5.1f}",
        flush=True,
    )


def _print_result(result: TrainingResult) -> None:
    print(
        f"\n{result.n_episodes:,} episodes, {result.env_steps:,} steps in {result.seconds:.1f} s"
        f" ({result.env_steps / result.seconds:,.0f} steps/s)"
        f"\nmean survival: {result.first_fifth_survival:.1f} steps in the first fifth of the episodes,"
        f" {result.last_fifth_survival:.1f} in the last"
    )
    for move in result.transitions:
        print(f"stage {move.from_stage} -> {move.to_stage} after episode {move.episode_id}")
    if result.recording_seconds:
        print(f"inside the recorder's calls: {result.recording_seconds:.2f} s, {result.overhead_percent:.2f} %")


if __name__ == "__main__":
    raise SystemExit(main())
