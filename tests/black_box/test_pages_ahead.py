"""The sender makes a new ring's pages before the trainer comes to them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from recorder.black_box import PagesAhead, Ring
from recorder.black_box.format import Cell

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such call")

_MIB = 2**20


def _resident_bytes(path: Path) -> int:
    """Of this process's mapping of a file."""
    sections = Path("/proc/self/smaps").read_text().split(str(path))
    rss = next(line for line in sections[1].splitlines() if line.startswith("Rss:"))
    return int(rss.split()[1]) * 1024


def test_so_many_pages_are_there_before_the_trainer_comes_to_them_and_no_more(tmp_path: Path) -> None:
    ring = Ring.create(tmp_path / "run.blackbox", capacity=32 * _MIB, identity={})
    assert ring.path is not None
    pages, before = PagesAhead(ring), _resident_bytes(ring.path)
    pages.make()
    assert 8 * _MIB <= _resident_bytes(ring.path) - before < 9 * _MIB
    ring.words[Cell.HEAD] = 3 * _MIB
    pages.make()
    assert _resident_bytes(ring.path) - before < 9 * _MIB  # there are enough for now
    ring.words[Cell.HEAD] = 6 * _MIB
    pages.make()
    assert 14 * _MIB <= _resident_bytes(ring.path) - before < 15 * _MIB
    ring.words[Cell.HEAD] = 30 * _MIB
    pages.make()
    assert (
        16 * _MIB <= _resident_bytes(ring.path) - before < 17 * _MIB
    )  # nobody makes those that the trainer has passed
    ring.words[Cell.HEAD] = 40 * _MIB
    pages.make()
    assert _resident_bytes(ring.path) - before < 17 * _MIB
    ring.close()


def test_a_file_that_another_program_has_cut_off_ends_it_without_an_error(tmp_path: Path) -> None:
    ring = Ring.create(tmp_path / "run.blackbox", capacity=16 * _MIB, identity={})
    assert ring.path is not None
    with ring.path.open("r+b") as file:
        file.truncate(_MIB)
    before = _resident_bytes(ring.path)
    PagesAhead(ring).make()
    assert _resident_bytes(ring.path) - before <= _MIB
    ring.close()
