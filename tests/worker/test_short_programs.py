"""What a short program records without a server is on disk when it has ended, whichever way it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder import Catalog
from tests.processes import run_python

TRAIN = """\
import multiprocessing, os, sys, threading
from recorder import EpisodeMetadata, EpisodeRecorder
from worker import PeriodicCriterion, RecordingWriter

def train():
    recorder = EpisodeRecorder()
    writer = RecordingWriter(
        recorder=recorder,
        database="demo.db",
        recordings_dir="recordings",
        criteria=[PeriodicCriterion(interval=1)],
    )
    writer.start()
    for episode_id in range(20):
        for step in range(30):
            recorder.record_step(episode_id, step, (1, 2), [0.5] * 8, 1, 1.0)
        recorder.finish_episode(episode_id, EpisodeMetadata(episode_id=episode_id))
    return recorder, writer

if __name__ == "__main__":
"""

IN_A_PROCESS = "    child = multiprocessing.get_context({!r}).Process(target=train); child.start(); child.join()"
IN_A_FORK = """\
    recorder, writer = train()
    if (child := os.fork()) == 0:
        {}
    os.waitpid(child, 0)"""

ENDS = {
    "it simply ends": "    recorder, writer = train()",
    "an exception": "    recorder, writer = train(); raise RuntimeError('mine')",
    "sys.exit": "    recorder, writer = train(); sys.exit(3)",
    "the recorder is closed": "    recorder, writer = train(); recorder.close()",
    "nobody holds the recorder": "    train()",
    "a fork ends too": IN_A_FORK.format("sys.exit()"),
    "a fork stops the writer": IN_A_FORK.format("os._exit(writer.stop())"),
    "a daemon thread trains": "    thread = threading.Thread(target=train, daemon=True); thread.start(); thread.join()",
    "a thread trains on": "    threading.Thread(target=train).start()",
    "a process of multiprocessing": IN_A_PROCESS.format("spawn"),
    "a fork of multiprocessing": IN_A_PROCESS.format("fork"),
}


@pytest.mark.parametrize("way", ENDS)
def test_all_episodes_are_recorded_and_the_run_is_ended(way: str, tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(TRAIN + ENDS[way] + "\n")
    status, output = run_python([str(program)], folder=tmp_path)
    assert status == {"an exception": 1, "sys.exit": 3}.get(way, 0), output
    with Catalog(tmp_path / "demo.db", read_only=True) as catalog:
        assert len(catalog.query_recordings(limit=100)) == 20, output
        assert catalog.list_runs()[0].ended_at is not None
    assert ("mine" in output) if way == "an exception" else (output == "")


@pytest.mark.parametrize("n_kept", [1, 2, 7, 8])
def test_any_number_of_recordings_is_written_while_the_interpreter_ends(n_kept: int, tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(TRAIN.replace("range(20)", f"range({n_kept})") + ENDS["it simply ends"] + "\n")
    assert run_python([str(program)], folder=tmp_path) == (0, "")
    with Catalog(tmp_path / "demo.db", read_only=True) as catalog:
        assert len(catalog.query_recordings()) == n_kept


UNREAD = """\
from recorder import EpisodeRecorder, load_settings
recorder = EpisodeRecorder.from_settings(load_settings("config.yaml"))
recorder.record_step(0, 0, (1, 2), [0.5], 1, 1.0)
recorder.finish_episode(0)
"""


@pytest.mark.parametrize("end", ["recorder.close()", ""])
def test_a_program_without_a_reader_logs_what_it_loses(end: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text('recording:\n  recordings_dir: "recordings"\n')
    status, output = run_python(["-c", UNREAD + end], folder=tmp_path)
    assert status == 0
    assert "what was recorded is not kept (episodes: 1, steps: 1)" in output
    assert "start a RecordingWriter(recorder, …), or start a worker with 'hamlet-recorder worker'" in output


def test_a_recorder_without_a_reader_logs_that_while_it_records(tmp_path: Path) -> None:
    waits = "import time\nwhile not recorder._sender._publisher._unread._has_warned: time.sleep(0.01)\nimport os; os._exit(0)"
    (tmp_path / "config.yaml").write_text("recording: {}\n")
    status, output = run_python(["-c", UNREAD + waits], folder=tmp_path)
    assert status == 0
    assert "nobody reads what is recorded in this process" in output
    assert "is not kept" not in output
