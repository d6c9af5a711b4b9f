"""The demo as a person would run it: whole, interrupted, and followed by the commands that it names."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from recorder.commands.demo_report import this_program
from tests.processes import ROOT, PythonProcess, children_of, is_alive, run_python
from tests.waiting import DEADLINE_SECS, wait_until


@pytest.fixture(scope="module")
def plain_shell(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without an active virtual environment: its ``python`` lacks this project."""
    folder = tmp_path_factory.mktemp("bin")
    other = folder / "python"
    other.write_text("#!/bin/sh\necho another python\nexit 97\n")
    other.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, plain_shell: dict[str, str]) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    arguments = ["-m", "recorder", "demo", "--seconds", "4", "--lanes", "8", "--exit", "--dir", str(folder)]
    status, output = run_python(arguments, environment=plain_shell, deadline_secs=2 * DEADLINE_SECS)
    assert status == 0, output
    return folder, output


def test_the_demo_reports_kept_episodes_overhead_and_no_loss(demo: tuple[Path, str]) -> None:
    folder, output = demo
    assert re.search(r"first of a stage +\d+", output)
    assert re.search(r"overhead +\d+\.\d us a step .* \d+\.\d % of the agent.s own computing time", output)
    assert re.search(r"lost +nothing", output)
    assert list((folder / "recordings").glob("*/episode_*.msgpack.lz4"))


def test_the_commands_that_the_demo_prints_work_in_its_shell(
    demo: tuple[Path, str], plain_shell: dict[str, str]
) -> None:
    _, output = demo
    commands = [line.strip() for line in output.partition("Next:\n")[2].splitlines()[:3]]
    assert len(commands) == 3
    for command in commands:
        answer = subprocess.run(
            command, shell=True, cwd=ROOT, env=plain_shell, capture_output=True, timeout=DEADLINE_SECS
        )
        assert answer.returncode == 0, f"{command}\n{answer}"


def test_the_demo_prints_the_programs_name_as_the_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scripts = tmp_path / "a folder"
    scripts.mkdir()
    monkeypatch.setattr(sys, "executable", str(scripts / "python"))
    assert this_program() == f"'{scripts}/python' -m recorder"
    (scripts / "hamlet-recorder").touch(mode=0o755)
    assert this_program() == f"'{scripts}/hamlet-recorder'"
    monkeypatch.setenv("PATH", str(scripts))
    assert this_program() == "hamlet-recorder"
    monkeypatch.setattr(sys, "prefix", "/home/me/.cache/uv/archive-v0/x")
    assert this_program() == f"'{scripts}/hamlet-recorder'"


def test_the_report_fits_a_terminal_of_80_columns(demo: tuple[Path, str]) -> None:
    _, output = demo
    report = output.partition("Kept episodes by reason")[2].partition("Next:")[0]
    assert [line for line in report.splitlines() if len(line) > 80] == []


def test_the_demos_recordings_pass_verification(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    status, output = run_python(["-m", "recorder", "verify", "--recordings", str(folder / "recordings"), "--json"])
    assert status == 0, output
    json.loads(output)


def test_the_demo_leaves_a_video_of_its_longest_life(demo: tuple[Path, str]) -> None:
    folder, output = demo
    assert str(folder / "best_episode.mp4") in output
    assert (folder / "best_episode.mp4").read_bytes()[4:8] == b"ftyp"


def test_the_link_comes_first_and_ctrl_c_ends_the_demo_and_its_processes(tmp_path: Path) -> None:
    with PythonProcess("-m", "recorder", "demo", "--seconds", "100", "--lanes", "8", "--dir", str(tmp_path)) as demo:
        link = demo.wait_for("Watch: ").removeprefix("Watch: ")
        with urllib.request.urlopen(f"{link}api/v1/runs", timeout=DEADLINE_SECS) as answer:
            assert answer.status == 200
        demo.wait_for("training for")
        assert demo.output.startswith("Watch: ")
        children = _descendants(demo.pid)
        assert len(children) >= 3
        demo.signal(signal.SIGINT)
        assert demo.wait() == 130, demo.output
        wait_until(lambda: not any(map(is_alive, children)), message="Redis, the worker and the page to be gone")


def test_a_killed_demo_ends_all_its_processes(tmp_path: Path) -> None:
    with PythonProcess("-m", "recorder", "demo", "--seconds", "100", "--lanes", "8", "--dir", str(tmp_path)) as demo:
        demo.wait_for("training for")
        children = _descendants(demo.pid)
        demo.kill()
        wait_until(lambda: not any(map(is_alive, children)), message="Redis, the worker and the page to be gone")


def _descendants(pid: int) -> list[int]:
    """Process ids of all children and their children."""
    children = children_of(pid)
    return children + [grandchild for child in children for grandchild in _descendants(child)]
