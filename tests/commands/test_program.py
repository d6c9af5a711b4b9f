"""However it is started, the program calls itself by the name of its script."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from recorder.commands import COMMANDS
from tests.processes import run_python

AS_MODULE = ("-m", "recorder")
AS_SCRIPT = ("-c", "import sys; from recorder.__main__ import main; sys.exit(main())")


@pytest.mark.parametrize("start", [AS_MODULE, AS_SCRIPT])
def test_help_and_the_version_name_the_script(start: tuple[str, ...]) -> None:
    status, output = run_python([*start, "--help"])
    assert (status, output.startswith("usage: hamlet-recorder [-h]")) == (0, True), output
    assert run_python([*start, "--version"]) == (0, f"hamlet-recorder {version('hamlet-recorder')}\n")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_of_each_command_names_the_script(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from recorder.commands.command_line import run

    with pytest.raises(SystemExit) as end:
        run([name, "--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert text.startswith(f"usage: hamlet-recorder {name} ")
    assert f"hamlet-recorder {name}" in text.partition("example:")[2]
    assert "python -m recorder" not in text


@pytest.mark.parametrize("command", [("stats",), ("doctor",), ("reindex",), ("serve", "--port", "0")])
def test_a_deleted_current_folder_gets_one_sentence(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from recorder.commands.command_line import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run(command) == 1
    assert capsys.readouterr().err == "error: the current folder was deleted: change to another folder\n"
