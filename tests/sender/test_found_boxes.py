"""Which black boxes are taken for abandoned, which are left alone, and which are set aside."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.black_box.places import default_folder, journal_of, ring_files, spool_of, temporary_folder
from recorder.errors import BlackBoxError, BlackBoxInUseError, BlackBoxVersionError, UsageError
from recorder.sender.files import remove_strays
from recorder.sender.recovery import BoxState, FoundBox, find_boxes, folders, look_at, recover, recover_folder
from recorder.sender.same_server import check_same_server
from recorder.step_stream import MemoryStepStream, RedisStepStream, StepStream
from tests.processes import PythonProcess
from tests.sender.boxes import HOLDER, leave_box


def never(box: FoundBox) -> StepStream:
    raise AssertionError(f"not to be sent: {box}")


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[16:24] = b"\xff" * 8
    path.write_bytes(data)


def foreign(path: Path) -> None:
    path.write_bytes(b"#!/bin/sh\n" * 5000)


def cut(path: Path) -> None:
    os.truncate(path, 30_000)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def of_other_identity(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[16384 + 8 : 16384 + 16] = b"\xc1" * 8
    path.write_bytes(data)


SPOILT = [damaged, foreign, cut, emptied, of_other_identity]


def test_a_box_whose_trainer_and_sender_are_gone_is_abandoned(tmp_path: Path) -> None:
    path = leave_box(tmp_path, "my run", redis="redis://far:6379/0", key_prefix="ours:")
    (box,) = find_boxes([tmp_path, tmp_path / "nowhere"])
    assert box == look_at(path)
    assert (box.state, box.run_id, box.server, box.key_prefix) == (
        BoxState.ABANDONED,
        "my run",
        "redis://far:6379/0",
        "ours:",
    )
    assert (box.host, box.pid, box.n_bytes, box.why) == (socket.gethostname(), os.getpid(), 0, "")


def test_a_box_of_another_machine_on_a_shared_disk_is_left_alone_while_it_changes(tmp_path: Path) -> None:
    path = leave_box(tmp_path, host="far")
    box = look_at(path)
    assert (box.state, "a trainer on far may be writing" in box.why) == (BoxState.IN_USE, True)
    with pytest.raises(BlackBoxInUseError, match="far"):
        recover(path, never, secs=1.0)
    os.utime(path, (1.0, 1.0))
    assert look_at(path).state is BoxState.ABANDONED


@pytest.mark.parametrize("holder", ["trainer", "sender"])
def test_a_box_that_a_process_holds_is_left_alone_until_it_ends(tmp_path: Path, holder: str) -> None:
    path = leave_box(tmp_path)
    with PythonProcess("-c", HOLDER, str(path), holder) as process:
        process.wait_for("held")
        for _ in range(2):
            box = look_at(path)
            assert (box.state, box.run_id) == (BoxState.IN_USE, "run")
            assert holder in box.why
            with pytest.raises(BlackBoxInUseError, match=holder):
                recover(path, never, secs=1.0)
        assert recover_folder(tmp_path, never, secs=1.0) == 0
    assert look_at(path).state is BoxState.ABANDONED


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_box_that_another_program_has_spoilt_is_named_and_set_aside(
    tmp_path: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    path = leave_box(tmp_path)
    journal_of(path).write_bytes(b"something")
    spoil(path)
    content = path.read_bytes()
    assert look_at(path).state is BoxState.UNREADABLE
    assert path.exists(), "looking changes nothing"
    with pytest.raises(BlackBoxError, match=r"set aside as .*\.blackbox\.unreadable"):
        recover(path, never, secs=1.0)
    assert list(ring_files(tmp_path)) == []
    assert sorted(it.name.partition(".blackbox")[2] for it in tmp_path.iterdir()) == [
        ".journal.unreadable",
        ".unreadable",
    ]
    assert path.with_name(path.name + ".unreadable").read_bytes() == content
    recover_folder(tmp_path, never, secs=1.0)
    assert caplog.text == ""


def test_one_that_is_spoilt_keeps_no_other_from_being_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged(leave_box(tmp_path, "a"))
    leave_box(tmp_path, "b")
    seen = []

    def refuse(box: FoundBox) -> StepStream:
        seen.append(box.run_id)
        raise UsageError("not here")

    assert recover_folder(tmp_path, refuse, secs=1.0) == 0
    assert seen == ["b"]
    assert "set aside" in caplog.text
    assert "not here" in caplog.text
    assert [path.name[0] for path in ring_files(tmp_path)] == ["b"]


def test_a_box_of_a_newer_version_waits_for_a_program_that_can_read_it(tmp_path: Path) -> None:
    path = leave_box(tmp_path)
    data = bytearray(path.read_bytes())
    data[8] = 99
    path.write_bytes(data)
    with pytest.raises(BlackBoxVersionError, match="found 99"):
        recover(path, never, secs=1.0)
    assert path.exists()


def test_a_file_that_is_no_box_by_its_name_is_not_renamed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not ours")
    with pytest.raises(BlackBoxError, match="no black box"):
        recover(path, never, secs=1.0)
    assert path.read_text() == "not ours"


def test_a_box_is_sent_to_the_server_that_it_is_for_and_to_no_other(tmp_path: Path) -> None:
    box = look_at(leave_box(tmp_path, redis="redis://me:***@localhost:6379/0", key_prefix="ours:"))
    check_same_server(box, RedisStepStream("redis://other:secret@127.0.0.1:6379", key_prefix="ours:"))
    for url, prefix in (("redis://127.0.0.1:6380/0", "ours:"), ("redis://127.0.0.1:6379/0", "theirs:")):
        with pytest.raises(UsageError, match="recover --redis-url 'redis://me:\\*\\*\\*@localhost:6379/0'"):
            check_same_server(box, RedisStepStream(url, key_prefix=prefix))
    with pytest.raises(UsageError, match="not to this process"):
        check_same_server(box, MemoryStepStream())


def test_a_box_below_the_recordings_is_theirs_wherever_their_server_listens_now(tmp_path: Path) -> None:
    box = look_at(leave_box(default_folder(tmp_path / "recordings"), redis="unix:///tmp/old.sock"))
    check_same_server(box, RedisStepStream("unix:///tmp/new.sock"))
    with pytest.raises(UsageError):
        check_same_server(box, RedisStepStream("unix:///tmp/new.sock", key_prefix="theirs:"))


def test_journals_and_spools_without_a_ring_go_and_rings_that_were_never_finished(tmp_path: Path) -> None:
    path = leave_box(tmp_path)
    for ring in (path, tmp_path / "gone.blackbox"):
        journal_of(ring).touch()
        spool_of(ring).touch()
    (tmp_path / "other.journal").touch()
    for name, at in (("old.blackbox.part", 1.0), ("new.blackbox.part", None)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, None if at is None else (at, at))
    remove_strays(tmp_path)
    assert {it.name for it in tmp_path.iterdir()} == {
        path.name,
        journal_of(path).name,
        spool_of(path).name,
        "other.journal",
        "new.blackbox.part",
    }


def test_boxes_are_looked_for_below_the_recordings_and_in_the_users_folder(tmp_path: Path) -> None:
    assert folders(None, tmp_path) == [default_folder(tmp_path), default_folder(), temporary_folder()]
    assert folders(None, None) == [default_folder(), temporary_folder()]
    assert folders("file:///dev/shm/boxes", tmp_path) == [Path("/dev/shm/boxes")]
