"""What waits, what is sent again, and what is begun anew, with a clock of our own."""

from __future__ import annotations

import pytest

from recorder.errors import StreamUnavailableError
from recorder.publish.delivery.ledger import Ledger, RunCounts
from recorder.publish.delivery.outbox import Outbox
from recorder.publish.delivery.packet import News, Packet, PlayEnd
from recorder.step_stream import CHUNK, FIRST_CURSOR, HEADER, Flush, Outgoing, Play, pack_body
from tests.publish.far_stream import FarStream

RUN = "run"
PLAY = Play(7, 1000)
OTHER = Play(8, 1001)


class Sender:
    """An outbox, the clock it looks at, and the headers of the plays that are open."""

    def __init__(self, *, max_bytes: int = 1_000_000) -> None:
        self.now = 100.0
        self.stream = FarStream()
        self.open = {PLAY: Outgoing(PLAY, 1, HEADER, b"header"), OTHER: Outgoing(OTHER, 1, HEADER, b"header")}
        self.ledger = Ledger(keeps_plays=False)
        self.outbox = Outbox(
            self.stream,
            RUN,
            producer_id="a",
            max_bytes=max_bytes,
            ledger=self.ledger,
            run_counts=RunCounts,
            clock=lambda: self.now,
        )

    def put(self, sequence: int, *, play: Play = PLAY, n_bytes: int = 10) -> None:
        """The header, or a chunk of one step; its record begins at the sequence."""
        if sequence == 1:
            packet = Packet(News(play, header=b"header"), (self.open[play],), needed_from=1)
        else:
            entry = Outgoing(play, sequence, CHUNK, bytes(n_bytes))
            packet = Packet(News(play, chunk=(sequence, sequence - 2, 1)), (entry,), needed_from=sequence)
        self.outbox.put(packet)

    def send(self, active: dict[Play, float] | None = None) -> None:
        self.outbox.send(active or {}, header_of=self.open.get)

    def sequences(self, play: Play = PLAY) -> list[int]:
        return [entry.sequence for entry in self.stream.entries(RUN, play)]

    @property
    def n_repeated(self) -> int:
        return len(self.outbox._backlog.repeated)


def test_a_play_is_listed_as_open_by_the_transaction_that_brings_its_header_and_not_before() -> None:
    sender = Sender()
    sender.send({PLAY: 99.0})
    assert sender.stream.open_plays(RUN) == [], "one that is never begun would stay there for ever"
    sender.put(1)
    sender.send()
    assert [(it.play, it.last_active) for it in sender.stream.open_plays(RUN)] == [(PLAY, 100.0)]
    sender.send({PLAY: 101.0})
    assert [(it.play, it.last_active) for it in sender.stream.open_plays(RUN)] == [(PLAY, 101.0)]


def test_what_a_failed_send_held_is_kept_in_order_and_goes_out_with_the_next() -> None:
    sender = Sender()
    sender.stream.is_away = True
    for sequence in (1, 2, 3):
        sender.put(sequence)
        with pytest.raises(StreamUnavailableError):
            sender.send()
    assert (sender.outbox.n_pending_steps, sender.outbox.needed_from) == (2, 1)
    sender.stream.is_away = False
    sender.send()
    assert sender.sequences() == [1, 2, 3]
    assert not sender.outbox
    assert (sender.outbox.n_pending_bytes, sender.outbox.n_pending_steps, sender.outbox.needed_from) == (0, 0, None)


def test_a_flush_that_arrived_without_an_answer_is_not_sent_again() -> None:
    sender = Sender()
    sender.put(1)
    sender.put(2)
    sender.stream.unanswered = {1}
    with pytest.raises(StreamUnavailableError):
        sender.send()
    assert sender.outbox.needed_from == 1, "nobody knows yet"
    sender.put(3)
    sender.send()
    assert sender.sequences() == [1, 2, 3]
    assert [sender.ledger.number, sender.ledger.n_sent_steps] == [2, 2]
    assert sender.stream.n_flushes == 2


def test_what_is_sent_again_after_a_failure_counts_neither_as_waiting_nor_as_lost() -> None:
    sender = Sender(max_bytes=100)
    for sequence in (1, 2, 3):
        sender.put(sequence, n_bytes=40)
    sender.send()
    sender.stream.drop_plays(RUN, [PLAY])
    sender.stream.is_away = True
    sender.put(4, n_bytes=90)
    with pytest.raises(StreamUnavailableError):
        sender.send()
    assert (sender.n_repeated, sender.outbox.n_pending_steps) == (3, 1)
    assert not sender.outbox.is_full
    sender.stream.is_away = False
    sender.send()
    assert sender.sequences() == [1, 2, 3, 4]


def test_a_server_that_lost_its_last_seconds_gets_them_again_and_none_of_them_is_lost() -> None:
    sender = Sender()
    for sequence in (1, 2, 3):
        sender.put(sequence)
    sender.send()
    sender.stream.flush_all()
    sender.put(4)
    sender.send()
    assert sender.sequences() == [1, 2, 3, 4]
    losses = sender.outbox.take_losses()
    assert losses.has_happened
    assert losses.is_nothing


def test_what_was_acknowledged_long_ago_is_forgotten() -> None:
    sender = Sender()
    for sequence in (1, 2):
        sender.put(sequence)
        sender.send()
        sender.now += 10
    sender.outbox.repeat_recent()
    assert sender.n_repeated == 1, "the last packet alone: nothing was sent since"
    sender.send()
    sender.put(3)
    sender.send()
    sender.outbox.repeat_recent()
    assert sender.n_repeated == 2


def test_what_is_kept_for_sending_again_is_bounded_even_within_one_send() -> None:
    sender = Sender(max_bytes=10**9)
    sender.put(1)
    for sequence in range(2, 60):
        sender.put(sequence, n_bytes=2**20)
    sender.send()
    assert sender.stream.n_flushes >= 58, "a transaction each MiB"
    sender.outbox.repeat_recent()
    assert 14 <= sender.n_repeated <= 17


def test_a_stream_that_the_server_lost_is_begun_anew_with_what_is_still_known() -> None:
    sender = Sender()
    sender.put(1)
    sender.put(2)
    sender.send()
    sender.now += 10
    sender.put(3)
    sender.send()
    sender.stream.drop_plays(RUN, [PLAY])
    sender.put(4)
    sender.put(1, play=OTHER)
    sender.send()
    assert sender.sequences() == [1, 3, 4], "the header, what was sent a moment ago, and what was refused"
    assert sender.sequences(OTHER) == [1]
    assert not sender.outbox


def test_a_stream_that_a_worker_took_after_its_end_stays_gone_whatever_is_repeated() -> None:
    sender = Sender()
    sender.put(1)
    sender.put(2)
    sender.send()
    sender.now += 3
    end = PlayEnd(pack_body({"kind": "end"}), is_dropped=False, position=9)
    entry = Outgoing(PLAY, 3, "e", b"end")
    sender.outbox.put(Packet(News(PLAY, end=end), (entry,), finished=end.body, closes=True))
    sender.send()
    sender.now += 3
    sender.put(1, play=OTHER)
    sender.send()  # the header of the first is forgotten here
    sender.stream.drop_plays(RUN, [PLAY])
    del sender.open[PLAY]
    sender.put(1, play=OTHER)
    sender.outbox.repeat_recent()
    sender.send()
    assert sender.stream.episodes_held(RUN) == [OTHER.episode_id]


def test_an_outbox_over_its_budget_is_full_whatever_it_holds() -> None:
    sender = Sender(max_bytes=100)
    sender.stream.is_away = True
    sender.put(1)
    sender.put(2, n_bytes=94)
    assert not sender.outbox.is_full
    end = PlayEnd(pack_body("x" * 200), is_dropped=False, position=9)
    sender.outbox.put(Packet(News(PLAY, end=end), finished=end.body, closes=True))
    assert sender.outbox.is_full


def test_ends_and_entries_of_one_flush_go_out_together() -> None:
    sender = Sender()
    sender.put(1)
    end = PlayEnd(pack_body({"kind": "end"}), is_dropped=False, position=9)
    sender.outbox.put(Packet(News(PLAY, end=end), finished=end.body, closes=True))
    sender.send()
    assert sender.stream.n_flushes == 1
    assert sender.stream.open_plays(RUN) == []
    assert [entry.body for entry in sender.stream.read_finished(RUN, after=FIRST_CURSOR, limit=9)] == [{"kind": "end"}]


def test_flushes_are_numbered_one_after_another_those_that_repeat_included() -> None:
    sender = Sender()
    sent: list[int] = []

    class Watched(FarStream):
        def send(self, run_id: str, flush: Flush) -> list[Play]:
            assert flush.tally is not None
            sent.append(flush.tally.flush_number)
            return super().send(run_id, flush)

    sender.outbox._stream = sender.stream = Watched()
    for sequence in (1, 2):
        sender.put(sequence)
        sender.send()
    sender.outbox.repeat_recent()
    sender.send()
    assert sent == [1, 2, 3]
    tally = sender.stream.tally(RUN, "a")
    assert tally is not None
    assert (tally.n_sent, tally.flush_before) == (1, 2)
