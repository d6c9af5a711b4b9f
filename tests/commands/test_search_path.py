"""A user's own files are called as they please: no command, and no process that it starts, takes one for its own module."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.child_process import module_command
from tests.processes import ROOT, PythonProcess, run_python

OWN_NAMES = ("worker", "replay_server", "examples", "celery", "kombu", "redis", "numpy", "flask", "gunicorn", "rich")
OWN_NAMES += ("sqlalchemy", "matplotlib", "socket", "logging", "select", "json", "queue", "sitecustomize")

AS_SCRIPT = "import sys; sys.argv[0] = 'hamlet-recorder'; from recorder.__main__ import main; sys.exit(main())"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A current folder full of the user's files, each of which reports that it was run."""
    for name in OWN_NAMES:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'a').write({name!r})\n")
    yield tmp_path
    assert not (tmp_path / "was_run").exists(), (tmp_path / "was_run").read_text()


def test_commands_do_not_import_files_of_the_current_folder(folder: Path) -> None:
    status, output = run_python(["-m", "recorder", "doctor"], folder=folder)
    assert (status, "checks passed" in output) == (0, True), output


def test_a_worker_and_its_children_do_not_import_files_of_the_current_folder(folder: Path) -> None:
    with PythonProcess("-m", "recorder", "worker", "--concurrency", "1", folder=folder) as worker:
        worker.wait_for("trainers send")
        program = "from recorder import EpisodeRecorder, find_redis_url\n"
        program += f"with EpisodeRecorder(find_redis_url({str(folder / 'recordings')!r}), run_id='r') as recorder:\n"
        program += "    recorder.record_step(0, 0, (1, 2), [0.5], 0, 1.0); recorder.finish_episode(0)\n"
        program += "assert recorder.stats().n_bytes_sent > 0, recorder.stats()"
        assert run_python(["-P", "-c", program], folder=folder) == (0, "")


def test_a_replay_server_does_not_import_files_of_the_current_folder(folder: Path) -> None:
    with PythonProcess("-m", "recorder", "serve", "--port", "0", "--processes", "2", folder=folder) as server:
        server.wait_for("Replay: http")


def test_the_script_works_beside_a_recorder_py(folder: Path) -> None:
    for name in ("recorder", "types", "contextlib"):  # with these, Python itself finds no module by -m
        (folder / f"{name}.py").write_text((folder / "worker.py").read_text())
    status, output = run_python(["-P", "-c", AS_SCRIPT, "list"], folder=folder)
    assert (status, "run 'hamlet-recorder reindex'" in output) == (1, True), output
    assert "hamlet-recorder list --stage 2" in run_python(["-P", "-c", AS_SCRIPT, "--help"], folder=folder)[1]


def test_an_empty_entry_in_pythonpath_counts_as_the_current_folder(folder: Path) -> None:
    (folder / "sitecustomize.py").unlink()  # Python runs this one itself, before any program
    status, output = run_python(["-m", "recorder", "list"], folder=folder, environment={"PYTHONPATH": f":{ROOT}"})
    assert (status, "there is no catalog here yet" in output) == (1, True), output


def test_a_trainers_sender_imports_no_file_beside_the_script(folder: Path) -> None:
    for name in set(OWN_NAMES) - {"sitecustomize", "worker"}:
        (folder / f"{name}.py").unlink()
    script = folder / "train.py"
    script.write_text(
        "from recorder import EpisodeRecorder\nrecorder = EpisodeRecorder('redis://127.0.0.1:1/0', run_id='r')\n"
        "assert recorder.sender_pid is not None\nrecorder.close(0.1)\n"
    )
    status, output = run_python([str(script)], folder=folder)
    assert status == 0, output


@pytest.mark.parametrize(
    ("name", "command"), [("worker", "worker"), ("celery", "worker"), ("flask", "serve"), ("matplotlib", "batch")]
)
def test_a_hiding_file_from_pythonpath_is_named(tmp_path: Path, name: str, command: str) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    (place / f"{name}.py").write_text("")
    status, output = run_python(
        ["-m", "recorder", command, *(["--output-dir", "videos"] if command == "batch" else [])],
        folder=tmp_path,
        environment={"PYTHONPATH": f"{place}:{ROOT}"},
    )
    assert (status, str(place / f"{name}.py") in output) == (1, True), output
    assert "rename it" in output
    assert "Traceback" not in output
    assert "not installed" not in output


@pytest.mark.parametrize("name", ["recorder.py", "recorder/__init__.py", "recorder/other.py"])
def test_a_recorder_py_that_pythonpath_puts_first_is_named_by_the_script(tmp_path: Path, name: str) -> None:
    place = tmp_path / "mine" / name
    place.parent.mkdir(parents=True)
    place.write_text("raise SystemExit('the other one ran')")
    code = f"import sys; sys.path.append({str(ROOT)!r}); from hamlet_recorder import main; sys.exit(main())"
    environment = {"PYTHONPATH": str(tmp_path / "mine")}
    status, output = run_python(["-P", "-c", code, "--version"], folder=tmp_path, environment=environment)
    if name == "recorder/other.py":  # a folder without __init__.py hides no package
        assert (status, output.startswith("hamlet-recorder ")) == (0, True), output
    else:
        assert (status, output.startswith("error: hamlet-recorder needs its own package 'recorder'")) == (1, True)
        assert output.rstrip().endswith(str(place))


def test_criteria_of_a_project_in_the_current_folder_are_loaded(folder: Path) -> None:
    (folder / "my_criteria.py").write_text(
        "from worker.criteria import Criterion\nfrom types import SimpleNamespace\nclass Mine(Criterion): pass\n"
    )
    (folder / "mine-1.0.dist-info").mkdir()
    (folder / "mine-1.0.dist-info" / "METADATA").write_text("Name: mine\nVersion: 1.0\n")
    (folder / "mine-1.0.dist-info" / "entry_points.txt").write_text(
        "[hamlet_recorder.criteria]\nmine = my_criteria:Mine\n"
    )
    (folder / "config.yaml").write_text("recording: {criteria: {custom: {mine: {}}}}")
    status, output = run_python(["-m", "recorder", "worker", "--config", "config.yaml"], folder=folder)
    assert (status, "'mine' (my_criteria:Mine) must implement" in output) == (2, True), output


def test_a_child_process_imports_what_its_parent_can_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "told.py").write_text("import sys; print(sys.path[0], sys.argv[1:], __name__)")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    python, *arguments = module_command("told", "a b", "c")
    assert python == sys.executable
    assert run_python(arguments, folder=ROOT) == (0, f"{tmp_path} ['a b', 'c'] __main__\n")
