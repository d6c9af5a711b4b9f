"""What ``sys.executable`` names is started only where it is the Python that runs: never Blender, a game engine, or a frozen
trainer once more."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from recorder.capture import EpisodeRecorder
from recorder.child_process import module_command, modules, python_executable, spawn_linked
from recorder.errors import ServerStartError
from recorder.redis_server.embedded import EmbeddedServer
from recorder.step_stream import RedisStepStream
from tests.capture.recorded import finished_episodes, record
from tests.processes import ROOT, run_python


@pytest.fixture(params=["blender", "python3"])
def other_program(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that leaves a file when it is started, and that claims to be what runs here."""
    program = tmp_path / str(request.param)
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return program


def test_the_running_python_is_usable() -> None:
    assert python_executable() == sys.executable


def test_a_program_that_is_no_python_is_replaced_by_a_sender_thread(
    other_program: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with EpisodeRecorder(redis_url, run_id="run") as recorder:
        assert recorder.sender_pid is None
        for episode_id in range(3):
            record(recorder, episode_id, range(10))
            recorder.finish_episode(episode_id)
    stream = RedisStepStream(redis_url)
    assert len(finished_episodes(stream, "run")) == 3
    stream.close()
    assert caplog.text.count("no sender process can be started") == 1
    assert str(other_program) in caplog.text
    assert not (other_program.parent / "started").exists()


def test_a_program_that_is_no_python_starts_no_redis(other_program: Path, tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match="is not this Python"):
        EmbeddedServer(tmp_path / "server").start()
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("value", ["", None, "/nowhere/python3"])
def test_a_missing_path_is_no_python(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", value)
    with pytest.raises(OSError, match=r"sys\.executable"):
        spawn_linked("worker.fallback")


def test_a_frozen_program_is_not_a_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(OSError, match="a frozen program"):
        python_executable()


def test_a_program_that_embeds_python_records_by_a_thread(tmp_path: Path, redis_url: str) -> None:
    engine = tmp_path / "engine"
    shutil.copy(os.path.realpath(sys.executable), engine)
    code = (
        "import sys, recorder; r = recorder.EpisodeRecorder(sys.argv[1], run_id='run'); print(sys.executable, r.sender_pid); "
        "r.record_step(1, 0, (1, 2), (0.5,), 0, 1.0); r.finish_episode(1); print(r.close())"
    )
    search = os.pathsep.join([str(ROOT), sysconfig.get_path("stdlib"), *map(str, sys.path)])
    environment = {"PYTHONPATH": search, "PYTHONHOME": sys.base_prefix}
    status, output = run_python(["-c", code, redis_url], environment=environment, program=engine)
    assert status == 0, output
    assert f"{engine} None" in output
    assert "True" in output
    assert output.count("no sender process can be started") == 1


def test_a_python_without_the_package_leaves_sending_to_a_thread(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(modules, "module_command", lambda module: module_command(f"no.such.{module}"))
    with EpisodeRecorder(redis_url, run_id="run") as recorder:
        assert recorder.sender_pid is None
        record(recorder, 1, range(10))
    assert recorder.stats().n_recorded_steps == 10
    assert "ended with status 1 before it had begun" in caplog.text
