"""``watch`` on a real terminal, and ``completion``."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from recorder.commands import COMMANDS
from recorder.commands.terminal.exit_status import ExitStatus
from tests.command_line import Call
from tests.episodes import make_episode_file
from tests.processes import ROOT


def test_an_episode_plays_and_the_terminal_is_as_before(tmp_path: Path) -> None:
    path = tmp_path / "episode.lz4"
    path.write_bytes(make_episode_file(run_id="my-run", episode_id=7))
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    before = termios.tcgetattr(theirs)
    command = [sys.executable, "-m", "recorder", "watch", str(path), "--from", "20"]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs) as program:
        printed = b""
        while b"step 20 / 49" not in printed:
            printed += os.read(ours, 65536)
        os.write(ours, b"\x1b[F")
        while b"step 49 / 49" not in printed:
            printed += os.read(ours, 65536)
        os.write(ours, b"q")
        while b"\x1b[?1049l" not in printed:
            printed += os.read(ours, 65536)
    assert program.returncode == 0
    assert termios.tcgetattr(theirs) == before
    for descriptor in (ours, theirs):
        os.close(descriptor)
    assert "my-run · episode 7 · return" in printed.decode()


def test_without_a_terminal_it_names_the_command_that_prints(call: Call, recordings: Path) -> None:
    answer = call("watch", "3", "--recordings", recordings)
    assert (answer.status, answer.out) == (ExitStatus.USAGE, "")
    assert answer.err == "error: watch needs a terminal; to print the steps: hamlet-recorder cat EPISODE\n"


def test_bash_completes_commands_and_their_options(call: Call, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(call("completion", "bash").out)
    words = {1: "hamlet-recorder ''", 2: "hamlet-recorder list --st"}
    for place, line in words.items():
        program = (
            f"source {script}; COMP_WORDS=({line}); COMP_CWORD={place}; _shtab_hamlet_recorder; echo ${{COMPREPLY[@]}}"
        )
        found = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True).stdout.split()
        assert set(found) >= (set(COMMANDS) if place == 1 else {"--stage", "--status"}), found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script(call: Call, shell: str) -> None:
    answer = call("completion", shell)
    assert (answer.status, answer.err) == (ExitStatus.OK, "")
    assert all(command in answer.out for command in COMMANDS)
