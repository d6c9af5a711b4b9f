"""The wheel: what it holds, and what works when it is installed with each extra, in an empty environment outside of the tree."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.processes import ROOT, PythonProcess
from tests.target_environment import TargetEnvironment
from tests.waiting import DEADLINE_SECS, wait_until

RECORD = """
from pathlib import Path
from recorder import EpisodeMetadata, EpisodeRecorder, RecordingWriter
Path("recordings").mkdir()
recorder = EpisodeRecorder(run_id="r", strict=True)
with RecordingWriter(recorder, "recordings/catalog.db", "recordings"):
    for step in range(9):
        recorder.record_step(0, step, (step % 5, 0), [0.5], 0, 1.0, done=step == 8)
    recorder.finish_episode(0, EpisodeMetadata(survival_steps=9))
"""
SEND = """
import sys
from recorder import EpisodeRecorder
with EpisodeRecorder(sys.argv[1], run_id="r") as recorder:
    recorder.record_step(0, 0, (1, 2), [0.5], 0, 1.0)
    recorder.finish_episode(0)
"""
MISSING = """
import recorder
missing = set()
for name in recorder.__all__:
    try:
        getattr(recorder, name)
    except recorder.RecorderError as error:
        missing.add(error.extra)
print(*sorted(missing))
"""
"""Prints the extras that the public names ask for."""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make dist`` builds: the sdist, and the wheel out of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_SECS)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TargetEnvironment]:
    """Install the wheel with extras, once for all tests."""

    def install(extras: str) -> TargetEnvironment:
        return TargetEnvironment(tmp_path_factory.mktemp("env"), extras.split(",") if extras else [], wheel=wheel)

    return cache(install)


def program(
    environment: TargetEnvironment, *arguments: str, folder: Path, name: str = "hamlet-recorder"
) -> PythonProcess:
    """A script of the environment, with nothing else on its PATH."""
    alone = {"PYTHONPATH": "", "PATH": str(environment.scripts)}
    return PythonProcess(*arguments, program=environment.scripts / name, environment=alone, folder=folder)


def run(environment: TargetEnvironment, *arguments: str, folder: Path, name: str = "hamlet-recorder") -> str:
    with program(environment, *arguments, folder=folder, name=name) as process:
        assert process.wait(2 * DEADLINE_SECS) == 0, process.output
        return process.output


def test_the_wheel_has_the_three_packages_and_the_license(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        about = {name.partition(".dist-info/")[2] for name in archive.namelist() if ".dist-info/" in name}
    tree = {
        path.relative_to(ROOT).as_posix()
        for package in ("recorder", "worker", "replay_server")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert names == {*tree, "hamlet_recorder.py"}
    assert {"recorder/py.typed", "worker/py.typed", "replay_server/py.typed"} <= names
    assert {"replay_server/page/index.html", "recorder/catalog/migrations/env.py"} <= names
    assert {"licenses/LICENSE", "entry_points.txt"} <= about


@pytest.mark.parametrize(("extra", "missing"), [("", "catalog video"), ("catalog", "video"), ("video", "")])
def test_public_names_of_a_missing_extra_name_that_extra(
    install: Callable[[str], TargetEnvironment], tmp_path: Path, extra: str, missing: str
) -> None:
    assert run(install(extra), "-c", MISSING, folder=tmp_path, name="python").strip() == missing


def test_the_other_extras_install_and_the_program_starts_both_ways(
    install: Callable[[str], TargetEnvironment], tmp_path: Path
) -> None:
    environment = install("local,postgres,gymnasium,sb3")
    version = run(environment, "--version", folder=tmp_path)
    assert version.startswith("hamlet-recorder ")
    assert run(environment, "-m", "recorder", "--version", folder=tmp_path, name="python") == version


def test_without_its_extra_the_demo_prints_the_commands_to_install_it(
    install: Callable[[str], TargetEnvironment], tmp_path: Path
) -> None:
    with program(install(""), "demo", folder=tmp_path) as demo:
        assert demo.wait() == 1
        assert (
            "pip install 'hamlet-recorder[all]'; or run, without installing: uvx 'hamlet-recorder[all]' demo"
            in demo.output
        )


def test_the_catalog_extra_records_lists_and_migrates(
    install: Callable[[str], TargetEnvironment], tmp_path: Path
) -> None:
    environment = install("catalog")
    run(environment, "-c", RECORD, folder=tmp_path, name="python")
    assert "every 100th" in run(environment, "list", folder=tmp_path)
    old = sqlite3.connect(tmp_path / "old.db")
    old.executescript((ROOT / "tests/catalog/old_catalogs/0001.sql").read_text(encoding="utf-8"))
    old.close()
    migrate = "from recorder import Catalog; print(Catalog('old.db').list_runs()[0].run_id)"
    assert run(environment, "-c", migrate, folder=tmp_path, name="python") == "run-ü\n"
    assert "run-ü" in run(environment, "list", "--database", "old.db", folder=tmp_path)


def test_the_worker_extra_records_through_redis(
    install: Callable[[str], TargetEnvironment], tmp_path: Path, redis_url: str
) -> None:
    environment = install("worker")
    with program(environment, "worker", "--redis-url", redis_url, "--concurrency", "1", folder=tmp_path) as worker:
        worker.wait_for("worker: serves")
        run(environment, "-c", SEND, redis_url, folder=tmp_path, name="python")
        wait_until(lambda: list(tmp_path.glob("recordings/r/*")), message=f"the recording: {worker.output}")


def test_the_server_extra_serves_the_page(install: Callable[[str], TargetEnvironment], tmp_path: Path) -> None:
    with program(install("server"), "serve", "--port", "0", folder=tmp_path) as server:
        link = server.wait_for("Replay: ").partition("Replay: ")[2]
        for path, said in (("", b"<!doctype html>"), ("api/v1/runs", b'"runs"')):
            with urllib.request.urlopen(f"{link}{path}", timeout=DEADLINE_SECS) as answer:
                assert said in answer.read()


def test_the_video_extra_makes_a_video(install: Callable[[str], TargetEnvironment], tmp_path: Path) -> None:
    environment = install("video")
    run(environment, "-c", RECORD, folder=tmp_path, name="python")
    run(environment, "export", "0", "--output", "a.mp4", "--dpi", "20", folder=tmp_path)
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"


def test_with_all_extras_the_demo_runs_without_a_clone_torch_or_make(
    install: Callable[[str], TargetEnvironment], tmp_path: Path
) -> None:
    environment = install("all")
    output = run(environment, "demo", "--seconds", "2", "--lanes", "8", "--exit", folder=tmp_path)
    assert output.startswith("Watch: http://127.0.0.1:")
    assert "lost      nothing" in output
    assert (tmp_path / "demo-data" / "best_episode.mp4").read_bytes()[4:8] == b"ftyp"
    with program(environment, "demo", "--trainer", "torch", folder=tmp_path) as other:
        assert other.wait() == 2
        assert "--trainer torch is in examples/ of a clone of the project" in other.output
