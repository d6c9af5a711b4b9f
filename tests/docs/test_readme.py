"""The README is true: its snippets run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder import Catalog, EpisodeRecorder
from recorder.commands import COMMANDS
from tests.processes import ROOT, PythonProcess, run_python
from tests.waiting import wait_until

README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def test_every_command_that_the_documentation_names_exists() -> None:
    pages = [README, *(path.read_text() for path in (ROOT / "docs").glob("*.md"))]
    named = {name for page in pages for name in re.findall(r"(?:python -m |hamlet-)recorder ([a-z]+)\b", page)}
    assert named
    assert named <= set(COMMANDS)


def test_the_make_verbs_of_the_readme_are_in_the_makefile() -> None:
    verbs = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    assert verbs >= {"demo", "test"}
    rules = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert verbs <= rules


def test_the_lines_of_the_readme_record_an_episode_and_read_it_back_as_printed(tmp_path: Path) -> None:
    record, read = (code for code in SNIPPETS if "find_redis_url" in code or "query_recordings" in code)
    with PythonProcess(*_command("worker"), folder=tmp_path) as worker:
        worker.wait_for("worker: serves")
        _run_in(tmp_path, "-c", record)
        catalog = Catalog(tmp_path / "recordings" / "catalog.db", read_only=True)
        wait_until(lambda: catalog.query_recordings(run="my-run"), message="the recording")
        catalog.close()
        assert "0 (500, 6)" in _run_in(tmp_path, "-c", read)
        assert "my-run" in _run_in(tmp_path, *_command("list"))
        assert "stage_2_first_" in _run_in(tmp_path, *_command("why"))
        assert "my-run" in _run_in(tmp_path, *_command("stats"))


def test_the_snippets_without_a_server_record_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (record,) = [code for code in SNIPPETS if "RecordingWriter" in code]
    body = "_record(recorder)"
    _run(record.replace("...  ", f"{body}  ", 1), _record=_record)
    (read,) = [code for code in SNIPPETS if "query_recordings" in code]
    _run(read.replace("recordings/catalog.db", "demo.db"))
    assert "(40, 6)" in capsys.readouterr().out


def _record(recorder: EpisodeRecorder) -> None:
    for step in range(40):
        recorder.record_step(0, step, (1, 2), np.ones(8, np.float32), 3, 10.0, q_values=np.zeros(6, np.float32))
    recorder.finish_episode(0, {"curriculum_stage": 2})


def _run(code: str, **names: Any) -> None:
    exec(compile(code, "README.md", "exec"), names)


def _command(name: str) -> list[str]:
    """The arguments for Python of the readme's first line with this command."""
    line = re.search(rf"^(?:python -m |hamlet-)recorder ({name}\b.*)$", README, re.MULTILINE)
    assert line is not None, name
    return ["-m", "recorder", *shlex.split(line[1], comments=True)]


def _run_in(folder: Path, *arguments: str) -> str:
    status, output = run_python(arguments, folder=folder)
    assert status == 0, output
    return output
