"""The README is true: its snippets run, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recorder import EpisodeRecorder
from recorder.commands import COMMANDS
from recorder.step_stream import FIRST_CURSOR, RedisStepStream
from tests.processes import ROOT

README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def test_every_command_that_the_documentation_names_exists() -> None:
    pages = [README, *(path.read_text() for path in (ROOT / "docs").glob("*.md"))]
    named = {name for page in pages for name in re.findall(r"python -m recorder ([a-z]+)", page)}
    assert named
    assert named <= set(COMMANDS)


def test_the_make_verbs_of_the_readme_are_in_the_makefile() -> None:
    verbs = set(re.findall(r"^make (\w+)", README, re.MULTILINE))
    assert verbs >= {"demo", "test"}
    rules = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert verbs <= rules


def test_the_snippet_that_records_through_a_server_runs(redis_url: str) -> None:
    (snippet,) = [code for code in SNIPPETS if "redis://" in code]
    _run(snippet.replace("redis://localhost:6379/0", redis_url))
    stream = RedisStepStream(redis_url)
    kinds = [entry.body["kind"] for entry in stream.read_finished("my-run", after=FIRST_CURSOR, limit=10)]
    stream.close()
    assert kinds == ["end", "run_end"]


def test_the_snippets_without_a_server_record_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (record,) = [code for code in SNIPPETS if "RecordingWriter" in code]
    body = "_record(recorder)"
    _run(record.replace("...  ", f"{body}  ", 1), _record=_record)
    (read,) = [code for code in SNIPPETS if "query_recordings" in code]
    read = read.replace("recordings/catalog.db", "demo.db").replace("stage_*_pre_transition", "stage_*_first_*")
    _run(read)
    assert "(40, 6)" in capsys.readouterr().out


def _record(recorder: EpisodeRecorder) -> None:
    for step in range(40):
        recorder.record_step(0, step, (1, 2), np.ones(8, np.float32), 3, 10.0, q_values=np.zeros(6, np.float32))
    recorder.finish_episode(0, {"curriculum_stage": 2})


def _run(code: str, **names: Any) -> None:
    given = {
        "episode_id": 0,
        "position": (3, 4),
        "meters": np.ones(8, np.float32),
        "action": 2,
        "reward": 1.0,
        "done": False,
        "q_values": np.zeros(6, np.float32),
    }
    exec(compile(code, "README.md", "exec"), {**given, **names})
