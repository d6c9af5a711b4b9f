"""The public names: the ones that the reference describes, seen by type checkers, and loaded from this project's files only."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import recorder
from recorder import errors, wrappers
from tests.processes import ROOT, run_python

REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
DESCRIBED = re.findall(r"^::: (\S+)$", REFERENCE, re.MULTILINE)
ROOMS = {
    "recorder": recorder.__all__,
    "recorder.wrappers": wrappers.__all__,
    "recorder.wrappers.vector": ["RecordEpisode"],
    "recorder.wrappers.sb3": ["RecorderCallback"],
    "recorder.wrappers.dm_env": ["RecordEpisode"],
    "recorder.wrappers.envpool": ["RecordEpisode"],
    "recorder.wrappers.pettingzoo": ["RecordEpisode"],
    "recorder.wrappers.pufferlib": ["RecordEpisode"],
    "recorder.wrappers.tianshou": ["RecorderHook"],
}
"""Where public names are imported from."""

OF_WORKER = ("RecordingWriter", "Criterion", "PeriodicCriterion", "export_episode_video")


def test_the_public_names_are_those_of_the_reference_page() -> None:
    public = [f"{room}.{name}" for room, names in ROOMS.items() for name in names if name != "RecorderError"]
    assert sorted(DESCRIBED) == sorted([*public, "recorder.errors"])
    assert recorder.RecorderError is errors.RecorderError  # described with all others


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_every_public_name_can_be_imported(room: str) -> None:
    module = import_module(room)
    assert set(ROOMS[room]) <= set(dir(module))
    for name in ROOMS[room]:
        assert getattr(module, name) is not None


def test_type_checkers_and_the_lazy_loader_agree_on_each_public_name() -> None:
    tree = ast.parse(Path(recorder.__file__).read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    assert ast.unparse(guarded.test) == "TYPE_CHECKING"
    seen = {alias.name: str(it.module) for it in guarded.body if isinstance(it, ast.ImportFrom) for alias in it.names}
    assert seen == {name: module for name, (module, _) in recorder._HOME_OF.items()}
    assert sorted(seen) == sorted(recorder.__all__)


@pytest.mark.parametrize(
    "call",
    [
        "Catalog({})",
        "EpisodeRecorder({})",
        "EpisodeRecorder.from_settings({})",
        "LanguageModel({}, 'model')",
        "ReplayClient({})",
        "ReplayManager({}, 'recordings')",
        "ReplayManager(':memory:', {})",
        "find_redis_url({})",
        "load_settings({})",
    ],
)
@pytest.mark.parametrize(("value", "found"), [("3", "int"), ("[]", "list"), ("recorder", "module")])
def test_an_argument_of_a_wrong_type_is_refused_by_name(call: str, value: str, found: str) -> None:
    with pytest.raises(errors.UsageError, match=rf"^\w+: expected \w.*, found {found}$"):
        eval(f"recorder.{call.format(value)}", {"recorder": recorder})


def test_an_unknown_name_raises_attributeerror() -> None:
    assert not hasattr(recorder, "Nothing")
    with pytest.raises(ImportError, match="cannot import name 'Nothing' from 'recorder'"):
        exec("from recorder import Nothing")


@pytest.mark.parametrize("name", OF_WORKER)
@pytest.mark.parametrize("file", ["worker.py", "worker/__init__.py"])
def test_a_worker_py_beside_the_script_is_named_with_advice(tmp_path: Path, file: str, name: str) -> None:
    mine = tmp_path / file
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("open('was_run', 'w')\n")
    script = tmp_path / "train.py"
    script.write_text(f"from recorder import {name}\n")
    status, output = run_python([str(script)], folder=tmp_path)
    assert status == 1
    assert f"{name} needs hamlet-recorder's own 'worker', and another one was found: rename it" in output
    assert output.rstrip().endswith(str(mine))
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    ("before", "named"),
    [
        ("import worker", "worker.py"),
        ("import sys, types; sys.modules['worker'] = types.ModuleType('worker')", "<worker, a module without a file>"),
    ],
)
def test_a_foreign_worker_module_that_is_already_loaded_is_named_too(tmp_path: Path, before: str, named: str) -> None:
    (tmp_path / "worker.py").write_text("")
    (tmp_path / "train.py").write_text(f"{before}\nfrom recorder import RecordingWriter\n")
    status, output = run_python(["train.py"], folder=tmp_path)
    assert (status, output.rstrip().endswith(named)) == (1, True), output
    assert "recorder.errors.WrongModuleError: " in output


@pytest.mark.parametrize("script", ["worker.py", "replay_server.py"])
def test_a_script_named_recorder_py_can_record(tmp_path: Path, script: str) -> None:
    (tmp_path / script).write_text("from recorder import EpisodeRecorder\nEpisodeRecorder(run_id='r').close()\n")
    assert run_python([script], folder=tmp_path) == (0, "")


@pytest.mark.parametrize(
    ("file", "name"), [("redis", "EpisodeRecorder"), ("sqlalchemy", "Catalog"), ("matplotlib", "export_episode_video")]
)
def test_a_file_that_hides_a_library_is_named_in_the_error(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / f"{file}.py").write_text("")
    (tmp_path / "train.py").write_text(f"from recorder import {name}\n")
    status, output = run_python(["train.py"], folder=tmp_path)
    assert (status, str(tmp_path / f"{file}.py") in output) == (1, True), output
    assert f"if this file of yours hides the package {file!r}, rename it" in output
