"""Tables for people: whole in a pipe; on a terminal as much as it has room for, and every id whole."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import re
import struct
import subprocess
import sys
import termios
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from recorder.catalog import Catalog, EpisodeRow, RecordingRow
from recorder.catalog.operations.parked import LOST
from recorder.commands.terminal.output import human_return
from recorder.step_stream import RedisStepStream
from recorder.wording import reason_in_words
from tests.command_line import Call
from tests.commands.conftest import root_catalog
from tests.processes import ROOT, run_python

LONG_RUN = "demo-20261123-052840-with-a-name-of-its-own"
REASONS = tuple(f"manual_a_rather_long_reason_{number}" for number in range(9))
WORDS = [reason_in_words(reason) for reason in REASONS]


@pytest.fixture
def many_reasons(tmp_path: Path) -> Path:
    """A recording of a run with a long id, kept for nine reasons."""
    root = tmp_path / "recordings"
    shared = {"run_id": LONG_RUN, "episode_id": 123456, "total_reward": 77.5, "curriculum_stage": 1, "reasons": REASONS}
    recording = RecordingRow(**shared, file_path="place", compressed_size_bytes=1000)
    with Catalog(root_catalog(root)) as catalog:
        catalog.import_recordings([(EpisodeRow(**shared, decision="kept", n_steps=5), recording)])
    return root


def on_a_terminal(n_columns: int, *arguments: object, ends_with: int = 0) -> str:
    """What a command prints on a terminal of this width; ``ends_with`` is its status."""
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
    assert program.returncode == ends_with, printed
    return printed.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError as error:
        if error.errno != errno.EIO:  # Linux's word for: the other side is closed
            raise
        return b""


def test_a_piped_row_has_all_columns(call: Call, many_reasons: Path) -> None:
    _, headings, row = call("list", "--recordings", many_reasons).out.splitlines()
    assert headings.split() == ["run", "episode", "stage", "return", "steps", "status", "reasons", "size", "file"]
    assert row.split() == [
        *(LONG_RUN, "123456", "1", "77.50", "0", "complete"),
        *", ".join(WORDS).split(),
        *("1000", "B", "place"),
    ]


def test_a_return_reads_as_on_the_page_and_can_be_typed_again() -> None:
    assert [human_return(value) for value in (-0.5, 1234.567, 12_500_000.0, None)] == ["-0.50", "1234.57", "1.3e+7", ""]


def test_piped_stats_have_all_columns(call: Call, many_reasons: Path) -> None:
    _, row = call("stats", "--recordings", many_reasons).out.splitlines()[-2:]
    assert row.split()[:2] == [LONG_RUN, "1"]
    assert row.endswith(f", {WORDS[-1]} 1")


def plain_lines(printed: str) -> list[str]:
    """The lines without what makes headings bold."""
    return re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines()


@pytest.mark.parametrize(("command", "begin"), [("list", " 123456"), ("stats", LONG_RUN)])
def test_a_terminal_with_room_for_all_columns_folds_the_reasons(many_reasons: Path, command: str, begin: str) -> None:
    printed = on_a_terminal(180, command, "--recordings", many_reasons)
    (row,) = [line for line in printed.splitlines() if line.startswith(begin)]
    assert "…" not in printed
    assert "hidden for width" not in printed
    assert WORDS[-1] not in row
    assert all(f"reason {number}" in " ".join(printed.split()) for number in range(9))
    assert all(len(line.rstrip()) <= 180 for line in plain_lines(printed))


def test_a_narrow_terminal_shows_one_line_and_names_the_hidden_columns(many_reasons: Path) -> None:
    title, headings, row, left_out = plain_lines(on_a_terminal(60, "list", "--recordings", many_reasons))
    assert title == f"run {LONG_RUN}: 1 recording"
    assert headings.split() == ["episode", "stage", "return", "steps", "reasons"]
    assert row.split()[:4] == ["123456", "1", "77.50", "0"]
    assert re.search(rf" {WORDS[0][:8]}[^_]*…$", row)
    assert len(row) <= 60
    assert left_out == "hidden for width: status, size, file (use --json)"


def test_a_recording_is_one_line_at_80_columns_and_complete_at_170(call: Call, recordings: Path) -> None:
    with Catalog(root_catalog(recordings)) as catalog:
        shared = {"run_id": "demo-20261123-052840-1cd6", "episode_id": 4, "reasons": ("top_10.0pct", "stage_5_last_2")}
        place = "demo-20261123-052840-1cd6/episode_000004.msgpack.lz4"
        catalog.import_recordings([(EpisodeRow(**shared, decision="kept"), RecordingRow(**shared, file_path=place))])
    narrow = plain_lines(on_a_terminal(80, "list", "--recordings", recordings))
    assert [line.split()[1] for line in narrow[2:-1]] == ["0", "1", "2", "3", "4"]
    assert all(len(line) <= 80 for line in narrow)
    whole = plain_lines(on_a_terminal(170, "list", "--recordings", recordings))
    assert [line.split() for line in whole] == [
        line.split() for line in call("list", "--recordings", recordings).out.splitlines()
    ]


def test_an_id_is_shown_whole_on_any_terminal(many_reasons: Path) -> None:
    for command, begin in (("list", f"run {LONG_RUN}:"), ("stats", f"{LONG_RUN} ")):
        printed = on_a_terminal(40, command, "--recordings", many_reasons)
        assert sum(line.startswith(begin) for line in printed.splitlines()) == 1


def test_narrow_stats_show_losses_rather_than_reasons(many_reasons: Path) -> None:
    *_, headings, row, left_out = plain_lines(on_a_terminal(80, "stats", "--recordings", many_reasons))
    assert row.split()[0] == LONG_RUN
    assert headings.split() == ["run", "episodes", "not", "written", "refused", "steps", "missing"]
    assert left_out.startswith("hidden for width: kept, waiting, skipped, deleted, recordings, steps, reasons (")


def test_a_narrow_terminal_folds_errors_whole(many_reasons: Path) -> None:
    now = datetime.now(UTC)
    with Catalog(root_catalog(many_reasons)) as catalog:
        given: dict[str, Any] = {"decided": [], "criteria_state": {}, "at": now}
        held = [EpisodeRow(LONG_RUN, 8, decision="held")]
        assert catalog.commit_evaluation(LONG_RUN, old_cursor="0-0", new_cursor="1-0", new_episodes=held, **given)
        later = now + timedelta(seconds=1)
        assert catalog.park_lost(unseen_since=later, now=later) == {LONG_RUN: 1}
    lines = plain_lines(on_a_terminal(80, "parked", "--recordings", many_reasons))
    assert all(len(line) <= 80 for line in lines)
    (first,) = [line for line in lines if line.startswith(LONG_RUN)]
    column = first.index("its steps are lost")
    assert " ".join(line[column:].strip() for line in lines[lines.index(first) : -2]) == LOST
    assert lines[-2] == "hidden for width: attempts (use --json)"


def test_a_narrow_terminal_indents_continued_lines(many_reasons: Path) -> None:
    lines = plain_lines(on_a_terminal(80, "show", 123456, "--recordings", many_reasons))
    first = next(index for index, line in enumerate(lines) if line.startswith("  Kept because"))
    column = lines[first].index(WORDS[0])
    after = itertools.takewhile(lambda line: line[:column].isspace(), lines[first + 1 :])
    shown = [lines[first][column:], *(line[column:] for line in after)]
    assert " ".join(shown) == ", ".join(WORDS)
    assert len(shown) > 2
    lines = plain_lines(on_a_terminal(50, "doctor", "--redis-url", "redis://127.0.0.1:1/0", ends_with=1))
    first = next(index for index, line in enumerate(lines) if line.startswith("fail  Redis: "))
    assert lines[first + 1].startswith(" " * 6)
    assert all(len(line) <= 50 for line in lines[first : first + 2])


def test_a_wide_terminal_has_a_row_on_one_line(many_reasons: Path) -> None:
    printed = on_a_terminal(600, "list", "--recordings", many_reasons)
    assert any(", ".join(WORDS) in line for line in printed.splitlines())


def test_colors_stand_for_losses_and_broken_off_episodes_unless_they_are_unwanted(
    call: Call, many_reasons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog(root_catalog(many_reasons)) as catalog:
        shared = {"run_id": LONG_RUN, "episode_id": 7, "total_reward": -2.0, "status": "truncated"}
        catalog.import_recordings([(EpisodeRow(**shared, decision="kept"), RecordingRow(**shared, file_path="other"))])
    colored = on_a_terminal(300, "list", "--recordings", many_reasons)
    assert "\x1b[31m -2.00\x1b[0m" in colored
    assert "\x1b[33mtruncated\x1b[0m" in colored
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in on_a_terminal(300, "list", "--recordings", many_reasons)
    assert "\x1b" not in call("list", "--recordings", many_reasons).out


def test_a_live_run_is_one_line_at_80_columns_with_lag_and_losses(
    many_reasons: Path, redis_url: str, redis_client: redis.Redis
) -> None:
    run_id = "demo-20261123-052840-1cd6"
    stream = RedisStepStream(redis_url)
    counters = {"n_recorded_steps": 12345678, "n_lost_steps": 1234567, "closed": False}
    stream.beat(run_id, "p1", counters, info=None, now=time.time() - 119)
    stream.close()
    options = ["--recordings", many_reasons, "--redis-url", redis_url]
    lines = plain_lines(on_a_terminal(80, "stats", *options))
    first = lines.index("in Redis")
    assert lines[first + 1].split() == ["run", "state", "seen", "by", "heartbeat", "undecided", "steps", "lost"]
    assert lines[first + 2].split()[:3] == [run_id, "silent", "clock"]
    assert all(len(line.rstrip()) <= 80 for line in lines[first : first + 4])
    assert lines[first + 3] == "hidden for width: open, trainers, steps, us a call (use --json)"


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
def test_names_in_a_recording_cannot_control_the_terminal(call: Call, hostile_names: Path, command: str) -> None:
    answer = call(*command.split(), "--recordings", hostile_names)
    printed = answer.out + answer.err
    assert "\\x1b" in printed
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", printed)
    assert "\nsecond" not in printed, "a name is on one line"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_characters_that_an_output_cannot_encode_are_escaped(hostile_names: Path, options: list[str]) -> None:
    command = ["-m", "recorder", "list", "--recordings", str(hostile_names), *options]
    status, printed = run_python(command, environment={"PYTHONIOENCODING": "latin-1"})
    assert status == 0, printed
    if options:
        assert json.loads(printed)[0]["run_id"] == HOSTILE_RUN
    else:
        assert "\\U0001f600" in printed


def test_a_limited_list_says_how_many_there_are_and_in_which_order(call: Call, recordings: Path) -> None:
    assert call("list").out.startswith("4 recordings\n")
    assert call("list", "--limit", 2).out.startswith("2 of 4 recordings, newest first; more: --limit 4\n")
    few = call("list", "--limit", 1, "--order", "return", "--ascending", "--reason", "periodic_*").out
    assert few.startswith("1 of 2 recordings, lowest return first")
    assert call("list", "--limit", 2, "--stage", 1).out.startswith("2 recordings\n")
    ids = [row["episode_id"] for row in call("list", "--order", "return", "--json").document]
    assert ids == [3, 2, 1, 0]
