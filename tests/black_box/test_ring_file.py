"""The file: whole or not there, one trainer and one sender, and nothing of another program."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from recorder.black_box import Message, Outcome, Ring, RingWriter
from recorder.black_box.format import MIN_CAPACITY
from recorder.black_box.places import new_path, ring_files
from recorder.errors import BlackBoxError
from tests.black_box.rings import IDENTITY, put_step, read_all, small_ring
from tests.waiting import DEADLINE_SECS


def in_another_process(code: str, path: Path) -> str:
    """What a program prints that has the ring at ``path`` open as ``ring``."""
    opened = (
        "import sys; from pathlib import Path; from recorder.black_box import Ring; ring = Ring.open(Path(sys.argv[1]))"
    )
    program = f"{opened}; {code}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, timeout=DEADLINE_SECS
    )
    return done.stdout + done.stderr


def test_another_process_finds_what_was_written(tmp_path: Path) -> None:
    ring = small_ring(tmp_path / "a.blackbox")
    put_step(RingWriter(ring), 0)
    assert "{'run_id': 'a', 'producer_id': 'b'}" in in_another_process(
        "print(ring.identity, ring.head - ring.tail)", tmp_path / "a.blackbox"
    )
    assert stat.S_IMODE((tmp_path / "a.blackbox").stat().st_mode) == 0o600


def test_the_trainers_lock_ends_with_its_process_and_not_with_a_fork(tmp_path: Path) -> None:
    ring = small_ring(tmp_path / "a.blackbox")
    assert "False" in in_another_process("print(ring.is_trainer_gone())", tmp_path / "a.blackbox")
    assert "BlackBoxInUseError" in in_another_process("ring.lock_as_trainer()", tmp_path / "a.blackbox")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert "False" in in_another_process("print(ring.is_trainer_gone())", tmp_path / "a.blackbox")
    ring.close()
    assert "True" in in_another_process("print(ring.is_trainer_gone())", tmp_path / "a.blackbox")


def test_only_one_process_sends(tmp_path: Path) -> None:
    ring = small_ring(tmp_path / "a.blackbox")
    ring.lock_as_sender()
    assert "BlackBoxInUseError" in in_another_process("ring.lock_as_sender()", tmp_path / "a.blackbox")


@pytest.mark.parametrize("content", [b"", b"HAMLETBB", b"x" * 20_000, b"HAMLETBB" + bytes(20_000)])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.blackbox").write_bytes(content)
    with pytest.raises(BlackBoxError, match=r"a\.blackbox"):
        Ring.open(tmp_path / "a.blackbox")


def test_every_damaged_number_of_the_header_is_refused_or_harmless(tmp_path: Path) -> None:
    ring = small_ring(tmp_path / "a.blackbox")
    put_step(RingWriter(ring), 0)
    ring.close()
    content = (tmp_path / "a.blackbox").read_bytes()
    for offset in (8, 16, 24, 32, 40, 48, 64, 128):
        for value in (1, 3, 2**20 + 1, 2**40, 2**63):
            damaged = content[:offset] + value.to_bytes(8, "little") + content[offset + 8 :]
            (tmp_path / "b.blackbox").write_bytes(damaged)
            try:
                found = read_all(Ring.open(tmp_path / "b.blackbox"))
            except BlackBoxError:
                continue
            assert found in ([0], [])


def test_a_full_disk_is_noticed_before_the_first_step(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path; from recorder.black_box import Ring;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)); import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "Ring.create(Path(sys.argv[1]), capacity=2**21, identity={})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.blackbox")],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECS,
    )
    assert "BlackBoxError: can't make a black box of" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_another_program_does_to_the_file_is_seen(tmp_path: Path) -> None:
    ring = small_ring(tmp_path / "a.blackbox")
    assert ring.why_unusable() == ""
    os.truncate(tmp_path / "a.blackbox", 4096 * 200)
    assert "cut to" in ring.why_unusable()
    os.truncate(tmp_path / "a.blackbox", len(ring.memory))
    (tmp_path / "a.blackbox").unlink()
    assert ring.why_unusable() == "it was deleted"


def test_a_folder_that_others_may_write_into_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(BlackBoxError, match="chmod 700"):
        new_path(tmp_path / "open", "a")
    made = new_path(tmp_path / "own", "a run/with: signs")
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    small_ring(made)
    assert list(ring_files(tmp_path / "own")) == [made]


def test_counters_stats_and_messages_cross_from_one_side_to_the_other() -> None:
    ring = Ring.create(None, capacity=MIN_CAPACITY, identity=IDENTITY)
    counters = dict.fromkeys(ring.counters(), 0) | {"n_dropped_steps": 7}
    ring.put_counters(counters, "an error — with signs" * 100)
    assert ring.counters() == counters
    assert ring.last_error.startswith("an error — with")
    assert ring.stats() == {}
    ring.put_stats({"n": 2**60})
    assert ring.stats() == {"n": 2**60}
    assert ring.call_times is None
    ring.call_times = (1.5, 9.0)
    assert ring.call_times == (1.5, 9.0)
    for number in range(11):
        ring.put_message(Message(40, "a.logger", f"message {number} " + "x" * 2000, "UsageError", "y" * 2000))
    texts = [message.text[:10] for message in ring.messages(after=1)]
    assert texts == [f"message {number} "[:10] for number in range(3, 11)]
    assert list(ring.messages(after=11)) == []
    ring.outcome = Outcome.ALL_SENT
    assert ring.outcome is Outcome.ALL_SENT


def test_stats_that_a_dead_sender_left_half_written_are_not_read() -> None:
    ring = small_ring()
    ring.put_stats({"n": 1})
    ring._sender_words[0] += 1
    assert ring.stats() == {}
    ring.put_stats({"n": 2})
    assert ring.stats() == {"n": 2}
