"""The frame of the command line: help, options, exit status, imports, pipes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.commands import COMMANDS
from recorder.commands.arguments.parsing import PLACE_OPTIONS, build_parser, command_module
from recorder.commands.terminal.exit_status import ExitStatus
from recorder.errors import RecorderError
from tests.command_line import Call
from tests.processes import ROOT, PythonProcess, run_python
from tests.waiting import DEADLINE_SECS


def test_the_top_level_help_names_every_command_and_loads_none() -> None:
    code = (
        "import sys; from recorder.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('LOADED', [name for name in sys.modules if name.split('.')[0] in"
        " ('sqlalchemy', 'rich', 'celery', 'flask', 'matplotlib', 'torch')])"
    )
    status, output = run_python(["-c", code])
    assert status == 0
    assert "LOADED []" in output
    for name, summary in COMMANDS.items():
        assert re.search(rf"^    {name}\s+{re.escape(summary)}$", output, flags=re.MULTILINE), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_ends_with_a_valid_example(name: str, call: Call) -> None:
    answer = call(name, "--help")
    assert answer.status == ExitStatus.OK
    _, _, examples = answer.out.partition("example:\n")
    assert examples, answer.out
    for line in examples.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "hamlet-recorder"
        assert build_parser(arguments).parse_args(arguments).command == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_module_has_a_description_an_example_and_run(name: str) -> None:
    module = command_module(name)
    assert module.__doc__
    assert module.EXAMPLE.startswith(name)
    assert callable(module.run)


def test_common_options_may_come_before_or_after_the_command(call: Call, recordings: Path) -> None:
    before = call("--json", "--recordings", recordings, "list")
    behind = call("list", "--json", "--recordings", recordings)
    assert before.status == behind.status == ExitStatus.OK
    assert before.document == behind.document
    assert len(before.document) == 4


def test_an_option_overrides_the_file_and_the_environment(
    call: Call, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"recording: {{recordings_dir: '{tmp_path}/nowhere'}}\n")
    monkeypatch.setenv("HAMLET_RECORDER_RECORDINGS_DIR", f"{tmp_path}/neither")
    assert call("list", "--config", config, "--recordings", recordings).status == ExitStatus.OK
    assert call("list", "--config", config).status == ExitStatus.FAILED


def test_the_configuration_file_sets_the_places(call: Call, recordings: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"recording: {{recordings_dir: '{recordings}'}}\n")
    assert len(call("list", "--config", config, "--json").document) == 4


def test_the_demos_help_says_that_run_names_the_new_run(call: Call) -> None:
    text = " ".join(call("demo", "--help").out.split())
    assert "--run RUN_ID id of the new run" in text
    assert "only this run" not in text


def test_without_a_command_the_help_is_printed(call: Call) -> None:
    answer = call()
    assert (answer.status, answer.err) == (ExitStatus.USAGE, "")
    assert "watch recorded and live episodes in a browser" in answer.out


@pytest.mark.parametrize(
    ("arguments", "error", "help_of"),
    [
        ("lst", "unknown command 'lst'; did you mean 'list'?", ""),
        ("frobnicate", "unknown command 'frobnicate'", ""),
        ("list --stge=2", "unknown option '--stge'; did you mean '--stage'?", " list"),
        ("list --zzz", "unknown option '--zzz'", " list"),
        ("list 5", "unexpected argument '5'", " list"),
        ("show", "the following arguments are required: episode_id", " show"),
    ],
)
def test_a_misspelt_word_gets_a_suggestion_and_no_usage(call: Call, arguments: str, error: str, help_of: str) -> None:
    answer = call(*arguments.split())
    assert (answer.status, answer.out) == (ExitStatus.USAGE, "")
    assert answer.err == f"error: {error}\nhelp: hamlet-recorder{help_of} --help\n"


def test_an_invalid_configuration_is_wrong_usage_in_one_line(call: Call, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("recording: {recordings_dirr: x}\n")
    answer = call("list", "--config", config)
    assert answer.status == ExitStatus.USAGE
    assert answer.err == (
        f"error: recording.recordings_dirr: unknown key; did you mean recording.recordings_dir? ({config})\n"
    )
    assert answer.out == ""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("list --limit=-1", "--limit: expected a whole number, 0 or more, found '-1'"),
        ("list --limit 1.5", "--limit: expected a whole number, 0 or more, found '1.5'"),
        ("list --limit 1" + 30 * "0", "--limit: expected a whole number of at most 9223372036854775807"),
        ("show 9223372036854775808", "episode_id: expected a whole number of at most 9223372036854775807"),
        ("why x", "episode_id: expected a whole number, 0 or more, found 'x'"),
        ("cat 1000000000000000000000", "EPISODE: expected a whole number of at most 9223372036854775807"),
        ("export 1 --against=-1", "--against: expected a whole number, 0 or more, found '-1'"),
        ("reel --output x.mp4 --clip-secs 0", "--clip-secs: expected a number above 0, found '0'"),
        ("serve --processes 0", "--processes: expected a whole number, 1 or more, found '0'"),
        ("worker --concurrency=-3", "--concurrency: expected a whole number, 1 or more, found '-3'"),
        ("worker --concurrency 0", "--concurrency: expected a whole number, 1 or more, found '0'"),
        ("worker --queues ,", "--queues: expected one or more of ingest, maintenance, render, found ','"),
        ("list --stage 9223372036854775808", "--stage: expected a whole number of at most 9223372036854775807, found"),
        ("list --stage=-9223372036854775809", "--stage: expected a whole number of at least -9223372036854775808"),
        ("list --stage 2x", "--stage: expected a whole number, found '2x'"),
        ("list --lane=-1", "--lane: expected a whole number, 0 or more, found '-1'"),
        ("list --min-reward nan", "--min-reward: expected a number, found 'nan'"),
        ("batch --output-dir x --stage 1" + 30 * "0", "--stage: expected a whole number of at most"),
        ("batch --output-dir x --max-reward much", "--max-reward: expected a number, found 'much'"),
        ("export 1 --fps fast", "--fps: expected a number, found 'fast'"),
        ("export 1 --dpi 80.5", "--dpi: expected a whole number, found '80.5'"),
        ("demo --lanes 0", "--lanes: expected a whole number, 1 or more, found '0'"),
        ("demo --seconds=-1", "--seconds: expected a number above 0, found '-1'"),
        ("demo --seed=-1", "--seed: expected a whole number, 0 or more, found '-1'"),
    ],
)
def test_an_invalid_number_is_wrong_usage_and_the_range_is_named(call: Call, command: str, expected: str) -> None:
    answer = call(*command.split())
    assert answer.status == ExitStatus.USAGE
    assert expected in answer.err


def test_the_demo_refuses_and_hides_options_for_places(call: Call) -> None:
    for option in PLACE_OPTIONS:
        for command in (["demo", option, "x"], [option, "x", "demo"]):
            answer = call(*command)
            assert answer.status == ExitStatus.USAGE
            assert f"the demo creates its own Redis, catalog and recordings in --dir; leave out {option}" in answer.err
        assert option not in call("demo", "--help").out


@pytest.mark.parametrize("command", ["demo --dir", "serve --port 0 --recordings"])
def test_an_impossible_folder_is_an_error_of_one_line(call: Call, command: str) -> None:
    answer = call(*command.split(), "/dev/null/x")
    assert answer.status == ExitStatus.FAILED
    assert answer.err.startswith("error: ")
    assert "(Not a directory): /dev/null/x" in answer.err


def test_not_found_has_a_separate_exit_status(call: Call, recordings: Path) -> None:
    answer = call("show", 999, "--recordings", recordings)
    assert answer.status == ExitStatus.NOT_FOUND
    assert answer.err.startswith("error: there is no episode 999")


def test_an_error_never_shows_a_traceback_or_a_password(call: Call) -> None:
    answer = call("stats", "--redis-url", "redis://:hunter2@127.0.0.1:1/0")
    assert answer.status == ExitStatus.FAILED
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err
    assert "hunter2" not in answer.err


def test_ctrl_c_exits_with_130(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_module("list"), "run", interrupted)
    assert call("list").status == ExitStatus.INTERRUPTED


def test_every_recorder_error_ends_a_command_in_order(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_args: object) -> int:
        raise RecorderError("as a test wants")

    monkeypatch.setattr(command_module("list"), "run", fail)
    answer = call("list")
    assert (answer.status, answer.err) == (ExitStatus.FAILED, "error: as a test wants\n")


def test_a_closed_output_pipe_is_not_an_error(recordings: Path) -> None:
    command = f"{sys.executable} -m recorder list --json --recordings {recordings} | true"
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECS,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_module_runs_as_a_program(recordings: Path) -> None:
    with PythonProcess("-m", "recorder", "list", "--recordings", str(recordings)) as program:
        assert program.wait() == 0
        assert "4 recordings" in program.output
