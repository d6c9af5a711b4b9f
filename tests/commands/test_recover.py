"""``recover`` and what ``doctor`` says of black boxes."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.black_box.places import default_folder
from tests.command_line import Call
from tests.processes import PythonProcess
from tests.sender.boxes import HOLDER, leave_box


@pytest.fixture
def boxes() -> Path:
    return default_folder(Path("recordings"))


def test_it_lists_what_lies_below_the_recordings_and_in_the_users_folder(call: Call, boxes: Path) -> None:
    path = leave_box(boxes, "run-a")
    other = leave_box(default_folder(), "run-b")
    other.write_bytes(b"x" * 100_000)
    found = call("recover", "--list", "--json", "--recordings", "recordings")
    assert found.status == 0
    assert [(row["file"], row["run_id"], row["state"]) for row in found.document["black_boxes"]] == [
        (str(path), "run-a", "abandoned"),
        (str(other), "", "unreadable"),
    ]
    assert "no black box" in found.document["black_boxes"][1]["why"]
    assert call("recover", "--list", "--recordings", "recordings", "--run", "run-a").out.count("run-a") >= 1
    assert path.exists()
    assert other.exists()


def test_nothing_to_recover_is_no_failure(call: Call) -> None:
    found = call("recover", "--json")
    assert (found.status, found.document) == (0, {"black_boxes": []})


def test_a_file_that_is_not_there_is_named(call: Call, boxes: Path) -> None:
    found = call("recover", boxes / "gone.blackbox")
    assert found.status == 3
    assert str(boxes / "gone.blackbox") in found.err


def test_without_a_server_it_says_where_the_trainer_sent_to(call: Call, boxes: Path) -> None:
    path = leave_box(boxes, redis="redis://far:6379/0")
    found = call("recover", "--json", path)
    assert found.status == 1
    (row,) = found.document["black_boxes"]
    assert (row["state"], row["n_steps"]) == ("abandoned", 0)
    assert "its trainer sent to redis://far:6379/0: pass --redis-url URL" in row["why"]
    assert path.exists()


def test_what_was_for_another_server_is_not_sent_to_that_of_the_configuration(
    call: Call, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = leave_box(tmp_path / "elsewhere", redis="redis://far:6379/0")
    monkeypatch.setenv("HAMLET_RECORDER_REDIS__URL", redis_url)
    found = call("recover", "--json", path)
    assert found.status == 1
    assert f"recover --redis-url redis://far:6379/0 {path}" in found.document["black_boxes"][0]["why"]


def test_one_that_is_spoilt_is_set_aside_and_doctor_names_it(call: Call, boxes: Path) -> None:
    path = leave_box(boxes)
    path.write_bytes(b"x" * 100_000)
    place = ("--recordings", "recordings")
    (finding,) = [it for it in call("doctor", "--json", *place).document["findings"] if it["what"] == "black box"]
    assert (finding["verdict"], str(path) in finding["found"]) == ("warn", True)
    found = call("recover", *place)
    assert found.status == 1
    assert "unreadable" in found.out
    assert not path.exists()
    (finding,) = [it for it in call("doctor", "--json", *place).document["findings"] if it["what"] == "black box"]
    assert "set aside" in finding["found"]


def test_doctor_names_what_is_abandoned_and_counts_what_is_in_use(call: Call, boxes: Path) -> None:
    place = ("--recordings", "recordings")
    (finding,) = [it for it in call("doctor", "--json", *place).document["findings"] if it["what"] == "black boxes"]
    assert (finding["verdict"], finding["found"]) == ("ok", "0 in use, none abandoned")
    path = leave_box(boxes, "run-a")
    (finding,) = [it for it in call("doctor", "--json", *place).document["findings"] if it["what"] == "black box"]
    assert finding["verdict"] == "warn"
    assert finding["found"].startswith("run run-a: its trainer (pid ")
    assert finding["advice"].endswith(f"hamlet-recorder recover --redis-url redis://127.0.0.1:1/0 {path}")


def test_who_names_a_box_that_is_in_use_is_told_why_nothing_happens(call: Call, boxes: Path) -> None:
    path = leave_box(boxes)
    with PythonProcess("-c", HOLDER, str(path.absolute()), "trainer") as process:
        process.wait_for("held")
        found = call("recover", "--json", path)
        assert found.status == 1
        assert found.document["black_boxes"][0]["state"] == "in use"
        assert call("recover", "--json", "--recordings", "recordings").document == {"black_boxes": []}
