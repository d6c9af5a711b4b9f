"""Commands whose standard streams are closed, full or unread: they do their work and report what they can."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from recorder import EpisodeRecorder, find_redis_url
from recorder.__main__ import main
from recorder.catalog import Catalog
from tests.processes import ROOT, PythonProcess, children_of
from tests.waiting import DEADLINE_SECS, wait_until

REDIRECTIONS = (">&-", "2>&-", "<&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full")


def run_redirected(command: str, redirection: str, folder: Path, *, is_buffered: bool = True) -> tuple[int, str, str]:
    line = f"exec {shlex.quote(sys.executable)} -m recorder {command} {redirection}"
    ended = subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "" if is_buffered else "1"},
        capture_output=True,
        timeout=DEADLINE_SECS,
        check=False,
    )
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


@pytest.mark.parametrize("redirection", REDIRECTIONS)
def test_a_command_with_closed_streams_works_and_has_its_usual_status(recordings: Path, redirection: str) -> None:
    status, out, err = run_redirected("reindex --forget-missing", redirection, recordings.parent)
    is_full = redirection == ">/dev/full"
    assert status == 1  # the files of this folder are no recordings
    assert ("4 unreadable" in out) == (">" not in redirection.replace("2>", ""))
    assert err == ("error: standard output can't be written: No space left on device\n" if is_full else "")


def test_help_and_wrong_usage_work_with_closed_streams(tmp_path: Path) -> None:
    for redirection in (">&-", "2>&-", "<&- >&- 2>&-"):
        assert run_redirected("--help", redirection, tmp_path)[0] == 0
        assert run_redirected("nonsense", redirection, tmp_path)[0] == 2


def test_a_full_output_device_is_an_error_with_status_1(recordings: Path) -> None:
    status, _, err = run_redirected("list --json", ">/dev/full", recordings.parent)
    assert (status, err) == (1, "error: standard output can't be written: No space left on device\n")


@pytest.mark.parametrize("command", ["--help", "list --help", "--version"])
@pytest.mark.parametrize("is_buffered", [True, False])
def test_help_that_cant_be_written_is_said_and_has_status_1(tmp_path: Path, command: str, is_buffered: bool) -> None:
    status, _, err = run_redirected(command, ">/dev/full", tmp_path, is_buffered=is_buffered)
    assert (status, err) == (1, "error: standard output can't be written: No space left on device\n")


def test_a_closed_pipe_is_not_an_error(recordings: Path) -> None:
    for streams in ("| true", "2>&1 | true"):
        line = f"{shlex.quote(sys.executable)} -m recorder list {streams}"
        ended = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line}"],
            cwd=recordings.parent,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            timeout=DEADLINE_SECS,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("redirection", ["<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_a_worker_without_streams_records(tmp_path: Path, redirection: str) -> None:
    queues = ["--queues", "ingest,maintenance", "--concurrency", "1"]
    arguments = ["-m", "recorder", "worker", *queues, "--recordings", str(tmp_path)]
    shell = f"import os; os.execvp('sh', ['sh', '-c', {f'exec {shlex.join([sys.executable, *arguments])} {redirection}'!r}])"
    with PythonProcess("-c", shell, folder=tmp_path):
        url = wait_until(lambda: find_server_or_none(tmp_path), message="the worker's server")
        with EpisodeRecorder(url, run_id="run-a", strict=True) as recorder:
            recorder.record_step(0, 0, (1, 2), [0.5], 0, 1.0)
            recorder.finish_episode(0)
        wait_until((tmp_path / "run-a" / "episode_000000.msgpack.lz4").exists, message="the recording")
        with Catalog(tmp_path / "catalog.db", read_only=True) as catalog:
            wait_until(lambda: catalog.query_recordings(), message="its row")
    assert main(["verify", "--recordings", str(tmp_path)]) == 0


def find_server_or_none(folder: Path) -> str | None:
    try:
        return find_redis_url(folder)
    except Exception:  # noqa: BLE001 - none yet
        return None


@pytest.mark.parametrize("redirection", ["<&- >&- 2>&-", ">/dev/full"])
def test_a_replay_server_without_streams_serves(tmp_path: Path, redirection: str) -> None:
    arguments = ["-m", "recorder", "serve", "--port", "0", "--recordings", str(tmp_path)]
    shell = f"import os; os.execvp('sh', ['sh', '-c', {f'exec {shlex.join([sys.executable, *arguments])} {redirection}'!r}])"
    with PythonProcess("-c", shell, folder=tmp_path) as server:
        wait_until((tmp_path / "catalog.db").exists, message="the catalog")
        wait_until(lambda: listens(server.pid), message="the replay server")


def listens(pid: int) -> bool:
    """Whether a process, or one of its group, has a socket that listens."""
    found = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=False).stdout
    return any(f"pid={each}," in found for each in (pid, *children_of(pid)))


def test_a_trainer_with_closed_streams_loses_no_steps(tmp_path: Path, redis_url: str) -> None:
    program = (
        "from recorder import EpisodeRecorder\n"
        f"recorder = EpisodeRecorder({redis_url!r}, run_id='r', strict=True)\n"
        "assert recorder.sender_pid is not None\n"
        "recorder.record_step(0, 0, (1, 2), [0.5], 0, 1.0); recorder.finish_episode(0)\n"
        "assert recorder.close()\n"
        "assert recorder.stats().n_recorded_steps == 1\n"
    )
    line = f"exec {shlex.join([sys.executable, '-c', program])} <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], cwd=ROOT, timeout=DEADLINE_SECS, check=False).returncode == 0
