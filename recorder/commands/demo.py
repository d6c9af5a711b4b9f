"""Record a real training run on this machine: start Redis, a worker and the replay server, and train an agent."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import recorder.demo
from recorder.capture import EpisodeRecorder
from recorder.child_process import ChildProcess, module_command
from recorder.commands.arguments.parsing import PLACE_OPTIONS, non_negative, positive, positive_number
from recorder.commands.demo_report import best_recording, report
from recorder.commands.program import PROGRAM
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.commands.terminal.output import Output
from recorder.errors import (
    MissingExtraError,
    ServerStartError,
    StorageError,
    UsageError,
    WrongModuleError,
)
from recorder.redis_server.embedded import EmbeddedServer, find_server_binary
from recorder.runtime.extras import require_extra
from recorder.runtime.search_path import PACKAGES_FOLDER
from recorder.settings import load_settings
from recorder.urls import local_path

if TYPE_CHECKING:
    from recorder.catalog import Catalog

EXAMPLE = "demo --seconds 20 --exit"
HIDES_PLACES = True
RUN_HELP = "id of the new run (default: demo and the time)"

_CONFIG = Path(recorder.demo.__file__).with_name("config.yaml")
"""Criteria for the demo's trainers."""
_LINK = "Replay: "
"""Precedes the address in the replay server's output."""
_N_LANES = 32
_N_TOWNS = 8
"""Environments of several agents; a step of one takes its trainer longer."""
_USUAL_ADDRESS = ("127.0.0.1", 8766)
_START_SECS = 60.0
_SETTLE_SECS = 120.0
_POLL_SECS = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds", type=positive_number, default=60.0, metavar="S", help="seconds to train (default: 60)"
    )
    parser.add_argument(
        "--lanes",
        type=positive,
        metavar="N",
        help=f"number of parallel environments (default: {_N_LANES}; {_N_TOWNS} with --agents)",
    )
    parser.add_argument(
        "--agents", type=positive, default=1, metavar="N", help="agents in each environment (default: 1)"
    )
    parser.add_argument(
        "--trainer",
        choices=("numpy", "torch"),
        default="numpy",
        help="numpy: small built-in agent (default); torch: the larger one in examples/hamlet, which needs a clone",
    )
    parser.add_argument("--seed", type=non_negative, default=0, metavar="N", help="random seed (default: 0)")
    parser.add_argument("--dir", type=Path, default=Path("demo-data"), help="folder for all files (default: demo-data)")
    parser.add_argument("--exit", action="store_true", help="exit after the report and stop the replay server")


def run(args: argparse.Namespace) -> int:
    """Run the demo, and stop everything that it started.

    Raises:
        UsageError: an option names a place that the demo chooses itself.
        MissingExtraError: a package that the demo or its trainer needs is not installed.
        ServerStartError: Redis, the worker or the replay server did not start.
        StorageError: the folder can't be created or written.
    """
    if given := [option for option in PLACE_OPTIONS if option.removeprefix("--").replace("-", "_") in args]:
        raise UsageError(
            f"the demo creates its own Redis, catalog and recordings in --dir; leave out {', '.join(given)}"
        )
    _check_parts()
    world, train = _trainer(args)
    output = Output.of(args)
    folder = local_path(args.dir, "--dir").absolute()
    recordings = folder / "recordings"
    worker_log, page_log = folder / "worker.log", folder / "replay.log"
    try:
        recordings.mkdir(parents=True, exist_ok=True)
        worker_log.unlink(missing_ok=True)
        page_log.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"--dir: the folder can't be created or written ({error.strerror}): {folder}") from error
    run_id = getattr(args, "run", None) or time.strftime("demo-%Y%m%d-%H%M%S")
    config = getattr(args, "config", None) or _CONFIG
    settings = load_settings(config, overrides={"recordings_dir": str(recordings)})
    options = ["--database", str(recordings / "catalog.db"), "--recordings", str(recordings), "--config", str(config)]
    with ExitStack() as started:
        binary = find_server_binary(takes_url=False)
        server_dir = settings.embedded_server_dir  # where 'serve --recordings' and other commands look for it
        server = started.enter_context(EmbeddedServer(server_dir, binary=binary))
        options += ["--redis-url", server.url]
        worker_command = module_command("recorder", "worker", *options, "--concurrency", "1")
        worker = started.enter_context(ChildProcess(worker_command, log=worker_log))
        catalog = started.enter_context(_open_catalog(recordings / "catalog.db", worker))
        page = _start_page(started, options, page_log)
        output.announce(
            f"Watch: {_link(page)}",
            f"{server.kind} started: {server.url}",
            f"worker started, log: {worker_log}",
            f"training for {args.seconds:.0f} s, run {run_id}",
        )
        with EpisodeRecorder.from_settings(settings, stream=server.url, run_id=run_id, **world) as recorder:
            on_progress = None if output.as_json else _print_progress
            result = train(recorder=recorder, seconds=args.seconds, on_progress=on_progress)
            recorder.close()
            stats = recorder.stats()
        output.announce("waiting for the last episodes to be decided and written")
        _wait_until(lambda: _is_finished(catalog, run_id), worker, "the worker to finish the run")
        summary = report(output, catalog, recordings, run_id, result, stats)
        _make_video(output, catalog, recordings, run_id, folder / "best_episode.mp4")
        if not args.exit:
            output.announce("", f"Watch: {_link(page)}", "Ctrl-C stops everything that the demo started.")
            while page.is_alive:
                time.sleep(_POLL_SECS)
    return ExitStatus.OK if summary["is_whole"] else ExitStatus.FAILED


def _check_parts() -> None:
    """Report a missing package before anything starts."""
    try:
        with require_extra("The demo", "worker", extra="all"):
            import worker.app  # noqa: F401 - lazy: loads Celery
        with require_extra("The demo", "replay_server", extra="all"):
            import replay_server.serving  # noqa: F401 - lazy: loads Flask
    except MissingExtraError as error:
        raise MissingExtraError("The demo", "all", command=f"uvx '{PROGRAM}[all]' demo") from error


def _trainer(args: argparse.Namespace) -> tuple[dict[str, Any], Callable[..., Any]]:
    """Metadata of the run, and the training function, for the options."""
    if args.agents > 1:
        return _team_trainer(args)
    trainer = _numpy_trainer if args.trainer == "numpy" else _torch_trainer
    return trainer(args.lanes or _N_LANES, args.seed)


def _team_trainer(args: argparse.Namespace) -> tuple[dict[str, Any], Callable[..., Any]]:
    from recorder.demo.team import MAX_AGENTS, train_team
    from recorder.demo.world import World

    if args.trainer != "numpy":
        raise UsageError(f"--trainer {args.trainer} trains a single agent: leave --trainer or --agents out")
    if args.agents > MAX_AGENTS:
        raise UsageError(f"--agents: the town of the demo has room for {MAX_AGENTS}, got {args.agents}")
    n_lanes = args.lanes or _N_TOWNS
    train = partial(train_team, n_agents=args.agents, n_lanes=n_lanes, seed=args.seed)
    return World(n_lanes * args.agents, seed=args.seed).describe(), train


def _numpy_trainer(n_lanes: int, seed: int) -> tuple[dict[str, Any], Callable[..., Any]]:
    """Metadata of the run, and the training function."""
    from recorder.demo.train import train
    from recorder.demo.world import World

    return World(n_lanes, seed=seed).describe(), partial(train, n_lanes=n_lanes, seed=seed)


def _torch_trainer(n_lanes: int, seed: int) -> tuple[dict[str, Any], Callable[..., Any]]:
    """As ``_numpy_trainer``. Checks for the clone's folder first, since many projects have an ``examples`` package."""
    if not Path(PACKAGES_FOLDER, "examples", "hamlet").is_dir():
        raise UsageError(
            "--trainer torch is in examples/ of a clone of the project; leave it out, or run 'make demo' there"
        )
    try:
        import torch  # lazy: only this trainer needs it
    except ImportError as error:
        raise MissingExtraError("--trainer torch", "torch") from error
    from examples.hamlet.environment import describe_world
    from examples.hamlet.train import train

    # The tensors are small; more threads only cost time.
    torch.set_num_threads(1)
    return describe_world(seed), partial(train, n_lanes=n_lanes, seed=seed)


def _make_video(output: Output, catalog: Catalog, recordings: Path, run_id: str, path: Path) -> None:
    """Make a video of the longest episode."""
    try:
        with require_extra("A video", "worker", extra="video"):
            from worker.video.export import export_episode_video  # lazy: loads matplotlib
    except (MissingExtraError, WrongModuleError) as error:
        output.note("", f"No video was made: {error}")
        return
    best = best_recording(catalog.query_recordings(run=run_id, limit=None))
    if best is None:
        return
    video = export_episode_video(best["episode_id"], catalog, recordings, path, run_id=run_id, dpi=80, fps=30)
    output.note("", f"Video of the longest episode, {video.n_frames} frames: {path}")


def _start_page(started: ExitStack, options: list[str], log: Path) -> ChildProcess:
    """Start the replay server at the usual address, or at a free port if another program has it or takes it first.

    Raises:
        ServerStartError: it did not start.
    """
    command = module_command("recorder", "serve", *options)
    if _is_free(*_USUAL_ADDRESS):
        page = started.enter_context(ChildProcess(command, log=log))
        try:
            _link(page)
        except ServerStartError:
            if _is_free(*_USUAL_ADDRESS):
                raise
            log.unlink(missing_ok=True)
        else:
            return page
    return started.enter_context(ChildProcess([*command, "--port", "0"], log=log))


def _link(page: ChildProcess) -> str:
    _wait_until(lambda: _LINK in page.log_tail(), page, "the replay server", secs=_START_SECS)
    return page.log_tail().partition(_LINK)[2].split()[0]


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


def _open_catalog(path: Path, worker: ChildProcess) -> Catalog:
    from recorder.catalog import Catalog  # lazy: loads SQLAlchemy

    _wait_until(path.exists, worker, "the worker to create its catalog", secs=_START_SECS)
    return Catalog(path)


def _is_finished(catalog: Catalog, run_id: str) -> bool:
    """Whether the run has ended and every kept episode is written or parked."""
    state = catalog.load_run_state(run_id)
    if state.ended_at is None:
        return False
    summary = catalog.summarise_run(run_id)
    n_parked = catalog.count_parked(decision="kept").get(run_id, 0)
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
