"""README, tutorial and cookbook, walked through as a reader does: every snippet runs, every command answers.

One worker serves all of it, from one empty folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tomllib

from recorder import Catalog
from recorder.__main__ import main
from tests.docs.pages import blocks, command_lines, page
from tests.processes import PythonProcess, run_python
from tests.waiting import wait_until

README, TUTORIAL, COOKBOOK = page("README.md"), page("docs/tutorial.md"), page("docs/cookbook.md")

Run = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a worker that was started as the README says."""
    folder = tmp_path_factory.mktemp("walkthrough")
    (worker,) = [arguments for arguments in command_lines(README) if arguments[0] == "worker"]
    with PythonProcess("-m", "recorder", *worker, folder=folder) as process:
        process.wait_for("worker: serves")
        yield folder


@pytest.fixture
def python(folder: Path) -> Run:
    """Run a snippet there: its output."""

    def run(code: str) -> str:
        status, output = run_python(["-c", code], folder=folder)
        assert status == 0, output
        return output

    return run


@pytest.fixture
def commands(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run those commands of a page that have these names, there: all their output."""
    monkeypatch.chdir(folder)

    def run(text: str, *names: str) -> str:
        chosen = [arguments for arguments in command_lines(text) if arguments[0] in names]
        assert {arguments[0] for arguments in chosen} == set(names)
        for arguments in chosen:
            is_video = arguments[0] == "export" and "--html" not in arguments
            assert main([*arguments, *(["--to", "9", "--preset", "ultrafast"] if is_video else [])]) == 0, arguments
        return capfd.readouterr().out

    return run


def snippet(text: str, phrase: str) -> str:
    """The one Python block of a page with this phrase."""
    (code,) = [code for code in blocks(text, "python") if phrase in code]
    return code


def wait_for_recordings(folder: Path, run_id: str) -> None:
    with Catalog(str(folder / "recordings" / "catalog.db"), read_only=True) as catalog:
        wait_until(
            lambda: catalog.query_recordings(run=run_id) and catalog.get_run(run_id).ended_at is not None,
            message=f"the recordings of {run_id}",
        )


def test_the_readme_records_cartpole_lists_explains_reproduces_and_exports_it(
    folder: Path, python: Run, commands: Run
) -> None:
    python(snippet(README, "random-policy"))
    wait_for_recordings(folder, "random-policy")
    output = commands(README, "list", "why", "reproduce", "export")
    assert "random-policy" in output
    assert "every 100th" in output
    assert (folder / "ep0.mp4").stat().st_size > 1000


def test_the_readme_records_a_training_loop_and_reads_it_back(folder: Path, python: Run) -> None:
    python(snippet(README, "my-run"))
    wait_for_recordings(folder, "my-run")
    assert "0 (500, 6)" in python(snippet(README, "query_recordings"))


def test_the_readme_records_without_redis(python: Run, folder: Path) -> None:
    steps = "recorder.record_step(0, 0, (1, 2), [0.5], 1, 1.0, done=True)\n    recorder.finish_episode(0)  "
    python(snippet(README, "RecordingWriter").replace("...  ", steps, 1).replace('"recordings"', '"alone"'))
    assert list((folder / "alone").rglob("*.lz4"))


def test_the_tutorial_leads_from_training_to_a_video(folder: Path, python: Run, commands: Run) -> None:
    assert "best return:" in python(snippet(TUTORIAL, "default_rng").replace("range(150)", "range(40)"))
    wait_for_recordings(folder, "cartpole")
    output = commands(TUTORIAL, "list", "why", "reproduce", "export")
    assert "cartpole" in output
    assert "top 10 %" in output
    assert (folder / "best.mp4").stat().st_size > 1000
    html = (folder / "best.html").read_text()
    assert html.startswith("<!doctype html>")
    assert "kept: top 10 %" in html
    assert re.search(r"^\d+ [\d.]+ \(\d+, 4\)$", python(snippet(TUTORIAL, "query_recordings")), re.MULTILINE)
    assert re.search(r"^\d+ [\d.]+$", python(snippet(COOKBOOK, "argmax")), re.MULTILINE)


def test_the_tutorial_serves_the_page(folder: Path) -> None:
    alone, _shared = [arguments for arguments in command_lines(TUTORIAL) if arguments[0] == "serve"]
    with PythonProcess("-m", "recorder", *alone, "--port", "0", folder=folder) as server:
        server.wait_for("http://127.0.0.1:")


def test_the_cookbook_keeps_an_episode_by_hand_and_shares_one(folder: Path, python: Run, commands: Run) -> None:
    python(snippet(COOKBOOK, "by-hand"))
    wait_for_recordings(folder, "by-hand")
    with Catalog(str(folder / "recordings" / "catalog.db"), read_only=True) as catalog:
        assert "manual_demo" in catalog.query_recordings(run="by-hand")[0]["reasons"]
    python(snippet(COOKBOOK, "demo.db"))
    commands(COOKBOOK, "export")
    assert (folder / "episode.html").read_text().startswith("<!doctype html>")


def test_the_cookbooks_criterion_passes_its_test_and_is_found_by_entry_point(tmp_path: Path) -> None:
    (tmp_path / "short_lives.py").write_text(snippet(COOKBOOK, "class ShortLives"))
    (tmp_path / "test_short_lives.py").write_text(snippet(COOKBOOK, "def test_"))
    status, output = run_python(["-m", "pytest", "-q", "-p", "no:cacheprovider", "."], folder=tmp_path)
    assert (status, "1 passed" in output) == (0, True), output
    installed = tmp_path / "short_lives-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: short-lives\nVersion: 1\n")
    project = tomllib.loads(blocks(COOKBOOK, "toml")[0])
    assert project["tool"]["setuptools"]["py-modules"] == ["short_lives"]
    points = project["project"]["entry-points"]["hamlet_recorder.criteria"]
    lines = [f"{name} = {place}" for name, place in points.items()]
    (installed / "entry_points.txt").write_text("\n".join(["[hamlet_recorder.criteria]", *lines]))
    (config,) = [text for text in blocks(COOKBOOK, "yaml") if "short_lives" in text]
    (tmp_path / "config.yaml").write_text(config)
    code = (
        "from recorder import load_settings; from worker.criteria.build import build_criteria;"
        "print([it.name for it in build_criteria({'short_lives': "
        "load_settings('config.yaml').criteria.custom['short_lives'].options})])"
    )
    assert run_python(["-c", code], folder=tmp_path) == (0, "['short_lives']\n")
