"""Tables for people: whole in a pipe and on a terminal, however much stands in a row."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from tests.commands.conftest import Call, root_catalog
from tests.processes import ROOT, run_python

LONG_RUN = "demo-20261123-052840-with-a-name-of-its-own"
REASONS = tuple(f"manual_a_rather_long_reason_{number}" for number in range(9))


@pytest.fixture
def many_reasons(tmp_path: Path) -> Path:
    """A recording of a run with a long id, kept for nine reasons."""
    root = tmp_path / "recordings"
    shared = {"run_id": LONG_RUN, "episode_id": 123456, "total_reward": 77.5, "reasons": REASONS}
    recording = RecordingRow(**shared, file_path="place", compressed_size_bytes=1000)
    with Catalog(root_catalog(root)) as catalog:
        catalog.import_recordings([(EpisodeRow(**shared, decision="kept", n_steps=5), recording)])
    return root


def on_a_terminal(n_columns: int, *arguments: object) -> str:
    """What a command prints on a terminal of this width."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, n_columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "recorder", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as program:
        os.close(theirs)
        printed = b""
        while part := _read(ours):
            printed += part
    os.close(ours)
    assert program.returncode == 0, printed
    return printed.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError as error:
        if error.errno != errno.EIO:  # Linux's word for: the other side is closed
            raise
        return b""


def test_a_piped_row_has_all_its_columns_however_many_reasons_it_has(call: Call, many_reasons: Path) -> None:
    _, headings, row = call("list", "--recordings", many_reasons).out.splitlines()
    assert headings.split() == ["run", "episode", "stage", "reward", "steps", "status", "reasons", "size", "file"]
    assert row.split() == [
        *(LONG_RUN, "123456", "1", "77.5", "0", "complete"),
        *", ".join(REASONS).split(),
        *("1000", "B", "place"),
    ]


def test_piped_stats_have_all_their_columns(call: Call, many_reasons: Path) -> None:
    _, row = call("stats", "--recordings", many_reasons).out.splitlines()[-2:]
    assert row.split()[:2] == [LONG_RUN, "1"]
    assert row.split()[-2:] == [REASONS[-1], "1"]


@pytest.mark.parametrize("n_columns", [40, 100])
@pytest.mark.parametrize("command", ["list", "stats"])
def test_a_narrow_terminal_folds_the_reasons_and_never_an_id(many_reasons: Path, command: str, n_columns: int) -> None:
    printed = on_a_terminal(n_columns, command, "--recordings", many_reasons)
    (row,) = [line for line in printed.splitlines() if line.startswith(LONG_RUN)]
    assert row.split()[0] == LONG_RUN
    assert "…" not in printed
    assert REASONS[-1] not in row
    assert all(reason[-6:] in printed for reason in REASONS)


def test_a_wide_terminal_has_a_row_on_one_line(many_reasons: Path) -> None:
    printed = on_a_terminal(600, "list", "--recordings", many_reasons)
    (row,) = [line for line in printed.splitlines() if line.startswith(LONG_RUN)]
    assert ", ".join(REASONS) in row


HOSTILE_RUN = "läuf😀\x1b]0;owned\x07\x1b[2J\nsecond line"


@pytest.fixture
def hostile_names(tmp_path: Path) -> Path:
    """A recording whose run and reason hold what a terminal obeys."""
    root = tmp_path / "recordings"
    shared = {"run_id": HOSTILE_RUN, "episode_id": 7, "reasons": ("manual_\x1b[31mred\x9b",)}
    why = '[{"criterion": "manual", "keep": true, "detail": "\\u001b[1m"}]'
    with Catalog(root_catalog(root)) as catalog:
        episode = EpisodeRow(**shared, decision="kept", n_steps=5, why_json=why)
        catalog.import_recordings([(episode, RecordingRow(**shared, file_path="a\x1b[0mb"))])
    return root


@pytest.mark.parametrize("command", ["list", "show 7", "why 7", "stats", "verify", "list --run nobody", "cat 7"])
def test_names_in_a_recording_can_not_command_the_terminal(call: Call, hostile_names: Path, command: str) -> None:
    answer = call(*command.split(), "--recordings", hostile_names)
    printed = answer.out + answer.err
    assert "\\x1b" in printed
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", printed)
    assert "\nsecond" not in printed, "a name is on one line"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_letters_that_an_output_can_not_encode_are_escaped(hostile_names: Path, options: list[str]) -> None:
    command = ["-m", "recorder", "list", "--recordings", str(hostile_names), *options]
    status, printed = run_python(command, environment={"PYTHONIOENCODING": "latin-1"})
    assert status == 0, printed
    if options:
        assert json.loads(printed)[0]["run_id"] == HOSTILE_RUN
    else:
        assert "\\U0001f600" in printed
