"""The journal after a death: torn at any byte it says what was true before, and never more."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from recorder.episode import Gap
from recorder.errors import BlackBoxError, StreamUnavailableError
from recorder.publish.delivery import journal as journal_module
from recorder.publish.delivery.journal import Journal, read_journal
from recorder.publish.delivery.ledger import FlushRecord, Ledger, RunCounts
from recorder.publish.delivery.packet import News, PlayEnd
from recorder.publish.play_state import ListLengths, PlayState
from recorder.publish.run_watch import RefusedSoFar
from recorder.step_stream import Play, pack_body
from tests.publish.small_disk import small_disk


def news_of(number: int) -> list[News]:
    """A chunk of an open play, and a play that begins and ends."""
    play, short = Play(7, 1000), Play(number, 2000 + number)
    state = PlayState(play, 3, sequence=number + 1, next_step=10 * number, position=100 * number)
    state.gaps = [Gap(9, 10, "dropped")] * number
    state.reasons = ["why"]
    change = state.change(ListLengths(n_gaps=number - 1, n_reasons=min(number - 1, 1)))
    end = PlayEnd(pack_body({"kind": "end", "n_steps": 0}), is_dropped=False, position=100 * number)
    header = b"header" if number == 1 else b""
    return [
        News(play, header, (number + 1, 10 * number - 10, 10), change, counts={"n_recorded_steps": 10}),
        News(short, b"header", change=PlayState(short, 0).change(ListLengths()), counts={"n_episodes_started": 1}),
        News(short, end=end, counts={"n_episodes_finished": 1}),
    ]


def write(path: Path, n_flushes: int) -> list[tuple[int, object]]:
    """Flushes, each acknowledged; gives the size of the file after each entry, and what is true then."""
    ledger = Ledger(keeps_plays=True)
    journal = Journal(path, ledger)
    states: list[tuple[int, object]] = [(0, (Ledger(keeps_plays=True).to_map(), None))]
    for number in range(1, n_flushes + 1):
        run = RunCounts(RefusedSoFar(1, 2, 1, 2), number)
        record = FlushRecord(number, run, news_of(number), spool_done=5 * number)
        if number == 1:
            journal._begin()
            states.append((path.stat().st_size, (ledger.to_map(), None)))
        journal.flush(record)
        states.append((path.stat().st_size, (ledger.to_map(), record.to_list())))
        ledger.apply(record, is_remote=True)
        journal.arrived(number)
        states.append((path.stat().st_size, (ledger.to_map(), None)))
    journal.close()
    return states


def plain(value: object) -> object:
    """Tuples as lists, as msgpack has them."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def test_a_journal_that_is_torn_at_any_byte_says_what_was_true_before(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    states = write(path, 3)
    content = path.read_bytes()
    assert states[-1][0] == len(content)
    for n_bytes in range(len(content) + 1):
        path.write_bytes(content[:n_bytes])
        ledger, last = read_journal(path)
        expected = next(state for size, state in reversed(states) if size <= n_bytes)
        assert plain((ledger.to_map(), last and last.to_list())) == plain(expected), n_bytes


def test_a_byte_that_was_changed_ends_what_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    states = write(path, 3)
    content = bytearray(path.read_bytes())
    chance = random.Random(0)
    for _ in range(50):
        at = chance.randrange(16, len(content))
        damaged = bytearray(content)
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        ledger, last = read_journal(path)
        expected = next(state for size, state in reversed(states) if size <= at)
        assert plain((ledger.to_map(), last and last.to_list())) == plain(expected), at


def test_a_flush_that_is_noted_again_replaces_the_one_that_never_arrived(tmp_path: Path) -> None:
    ledger = Ledger(keeps_plays=True)
    journal = Journal(tmp_path / "journal", ledger)
    journal.flush(FlushRecord(1, RunCounts(), news_of(1)))
    journal.flush(FlushRecord(1, RunCounts(n_errors=5), news_of(1)[:1]))
    read, last = read_journal(tmp_path / "journal")
    assert read.number == 0
    assert last is not None
    assert (last.number, last.run.n_errors, len(last.news)) == (1, 5, 1)


def test_a_flush_with_another_one_after_it_had_arrived(tmp_path: Path) -> None:
    ledger = Ledger(keeps_plays=True)
    journal = Journal(tmp_path / "journal", ledger)
    journal.flush(FlushRecord(1, RunCounts(), news_of(1)))
    journal.flush(FlushRecord(2, RunCounts(), news_of(2)))
    read, last = read_journal(tmp_path / "journal")
    assert (read.number, last and last.number) == (1, 2)


def test_a_large_journal_is_begun_anew_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long, short = tmp_path / "long", tmp_path / "short"
    states = write(long, 60)
    monkeypatch.setattr(journal_module, "_LARGE_BYTES", 1000)
    assert write(short, 60)[-1][1] == states[-1][1]
    assert short.stat().st_size < long.stat().st_size / 2
    assert read_journal(short)[0].to_map() == read_journal(long)[0].to_map()


def test_another_programs_file_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"something else altogether, and long enough")
    with pytest.raises(BlackBoxError, match="begins with"):
        read_journal(path)


def test_what_can_t_be_noted_is_not_sent_and_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    ledger = Ledger(keeps_plays=True)
    journal = Journal(path, ledger)
    journal.flush(FlushRecord(1, RunCounts(), news_of(1)))
    n_bytes = path.stat().st_size
    with small_disk(n_bytes + 20), pytest.raises(StreamUnavailableError, match="its journal can't be written"):
        journal.flush(FlushRecord(2, RunCounts(), news_of(2)))
    assert path.stat().st_size == n_bytes
    journal.flush(FlushRecord(2, RunCounts(), news_of(2)))
    read, last = read_journal(path)
    assert (read.number, last and last.number) == (1, 2)
