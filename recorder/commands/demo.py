"""Record a real training run on this machine: start Redis and a worker, train an agent, and serve the recordings."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.capture import EpisodeRecorder
from recorder.child_process import ChildProcess, module_command
from recorder.commands.arguments.parsing import PLACE_OPTIONS, add_command, non_negative, positive, positive_number
from recorder.commands.demo_report import best_recording, report
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output
from recorder.errors import (
    MissingExtraError,
    RecorderError,
    ServerStartError,
    StorageError,
    UsageError,
    WrongModuleError,
)
from recorder.needing import needing
from recorder.redis_server.embedded import EmbeddedServer
from recorder.settings import load_settings
from recorder.urls import local_path

if TYPE_CHECKING:
    from recorder.catalog import Catalog
    from recorder.commands.arguments.parsing import Subparsers

NAME = "demo"

_USUAL_ADDRESS = ("127.0.0.1", 8766)
_START_SECS = 60.0
_SETTLE_SECS = 120.0
_POLL_SECS = 0.1


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = add_command(subparsers, NAME, description=__doc__, example="demo --seconds 20 --exit", hides_places=True)
    parser.add_argument(
        "--seconds", type=positive_number, default=60.0, metavar="S", help="seconds to train (default: 60)"
    )
    parser.add_argument(
        "--lanes", type=positive, default=32, metavar="N", help="number of parallel environments (default: 32)"
    )
    parser.add_argument("--seed", type=non_negative, default=0, metavar="N", help="random seed (default: 0)")
    parser.add_argument(
        "--dir", type=Path, default=Path("demo-data"), help="folder for everything (default: demo-data)"
    )
    parser.add_argument("--exit", action="store_true", help="exit after the report; do not serve the recordings")


def run(args: argparse.Namespace) -> int:
    """Run the demo; everything that it starts ends with it.

    Raises:
        UsageError: an option names a place that the demo makes itself.
        MissingExtraError: torch or the workers' parts are not installed.
        ServerStartError: the server or the worker did not start.
        StorageError: the folder can't be made or written.
    """
    if given := [option for option in PLACE_OPTIONS if option.removeprefix("--").replace("-", "_") in args]:
        raise UsageError(
            f"the demo makes its own server, catalog and recordings below --dir: leave out {', '.join(given)}"
        )
    train, describe_world = _load_trainer()
    output = Output.of(args)
    folder = local_path(args.dir, "--dir").absolute()
    recordings = folder / "recordings"
    log = folder / "worker.log"
    try:
        recordings.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"--dir: the folder can't be made or written ({error.strerror}): {folder}") from error
    run_id = getattr(args, "run", None) or time.strftime("demo-%Y%m%d-%H%M%S")
    options = ["--database", str(recordings / "catalog.db"), "--recordings", str(recordings)]
    if (config := getattr(args, "config", None) or _demo_config()) is not None:
        options += ["--config", str(config)]
    settings = load_settings(config)
    with EmbeddedServer(folder / "server") as server:
        output.note(f"{server.kind} server started: {server.url}")
        worker_command = module_command("recorder", "worker", "--redis-url", server.url, *options, "--concurrency", "1")
        with ChildProcess(worker_command, log=log) as worker:
            catalog = _wait_for_catalog(recordings / "catalog.db", worker)
            output.note(f"worker started, its log: {log}", f"training for {args.seconds:.0f} s, run {run_id}")
            world = describe_world(args.seed)
            with EpisodeRecorder.from_settings(settings, stream=server.url, run_id=run_id, **world) as recorder:
                result = train(
                    recorder=recorder,
                    n_lanes=args.lanes,
                    seconds=args.seconds,
                    seed=args.seed,
                    on_progress=None if output.as_json else _print_progress,
                )
                recorder.close()
                stats = recorder.stats()
            output.note("waiting for the last episodes to be decided and written")
            _wait_until(lambda: _is_settled(catalog, run_id), worker, "the worker to finish the run")
            summary = report(output, catalog, recordings, run_id, result, stats)
            _make_video(output, catalog, recordings, run_id, folder / "best_episode.mp4")
            catalog.close()
            if not args.exit:
                _serve(output, options, server.url, folder / "replay.log")
    return ExitStatus.OK if summary["is_whole"] else ExitStatus.FAILED


def _load_trainer() -> tuple[Callable[..., Any], Callable[[int], dict[str, Any]]]:
    try:
        import torch  # only the demo's trainer needs it
    except ImportError as error:
        raise MissingExtraError("The demo's trainer", "torch") from error
    try:
        from examples.hamlet.environment import describe_world
        from examples.hamlet.train import train
    except ImportError as error:
        raise RecorderError(
            "the demo's trainer lies in examples/, beside the packages: run this from a clone of the project (make demo)"
        ) from error
    # The tensors are small: a second thread costs more than it brings.
    torch.set_num_threads(1)
    return train, describe_world


def _demo_config() -> Path | None:
    """The criteria that suit the example trainer; they stand beside it in a clone of the project."""
    import examples

    path = Path(examples.__file__ or "").parent.parent / "configs" / "demo.yaml"
    return path if path.exists() else None


def _make_video(output: Output, catalog: Catalog, recordings: Path, run_id: str, path: Path) -> None:
    """Show what the run was about: its longest life."""
    try:
        with needing("A video", "worker", extra="video"):
            from worker.video.export import export_episode_video  # lazy: loads matplotlib
    except (MissingExtraError, WrongModuleError) as error:
        output.note("", f"No video was made: {error}")
        return
    best = best_recording(catalog.query_recordings(run=run_id, limit=None))
    if best is None:
        return
    video = export_episode_video(best["episode_id"], catalog, recordings, path, run_id=run_id, dpi=80, fps=30)
    output.note("", f"The longest life as a video, {video.n_frames} frames: {path}")


def _serve(output: Output, options: list[str], redis_url: str, log: Path) -> None:
    """Show the recordings until Ctrl-C; on a free port when the usual one is taken."""
    log.unlink(missing_ok=True)
    command = module_command("recorder", "serve", "--redis-url", redis_url, *options)
    if not _is_free(*_USUAL_ADDRESS):
        command += ["--port", "0"]
    with ChildProcess(command, log=log) as server:
        _wait_until(lambda: "Replay: " in server.log_tail(), server, "the replay server", secs=_START_SECS)
        link = server.log_tail().partition("Replay: ")[2].split()[0]
        output.note("", f"Watch them: {link}", "Ctrl-C stops everything that the demo started.")
        while server.is_alive:
            time.sleep(_POLL_SECS)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


def _wait_for_catalog(path: Path, worker: ChildProcess) -> Catalog:
    from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

    _wait_until(path.exists, worker, "the worker to make its catalog", secs=_START_SECS)
    return Catalog(path)


def _is_settled(catalog: Catalog, run_id: str) -> bool:
    """Whether the run has ended and every kept episode has its file, or was given up."""
    state = catalog.load_run_state(run_id)
    if state.ended_at is None:
        return False
    summary = catalog.summarise_run(run_id)
    n_parked = sum(row.run_id == run_id and row.decision == "kept" for row in catalog.parked_writes())
    return catalog.get_run(run_id).n_recordings + n_parked >= summary.by_decision.get("kept", 0)


def _wait_until(condition: Callable[[], bool], worker: ChildProcess, what: str, *, secs: float = _SETTLE_SECS) -> None:
    deadline = time.monotonic() + secs
    while not condition():
        if not worker.is_alive or time.monotonic() > deadline:
            ended = "it has ended" if not worker.is_alive else f"not within {secs:.0f} s"
            raise ServerStartError(f"waited for {what}: {ended}. The end of its log:\n{worker.log_tail()}")
        time.sleep(_POLL_SECS)


def _print_progress(progress: Any) -> None:
    Output(as_json=False).announce(
        f"{progress.seconds:5.0f} s  {progress.env_steps:9,} steps  {progress.n_episodes:5,} episodes  stage {progress.stage}"
        f"  epsilon {progress.epsilon:.2f}  survival {progress.recent_survival:5.1f}"
    )
