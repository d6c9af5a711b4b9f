"""What waits, what is sent again, and what is begun anew, with a clock of our own."""

from __future__ import annotations

import pytest
from recorder.capture.outbox import Outbox, Packet

from recorder.errors import StreamUnavailableError
from recorder.step_stream import CHUNK, FIRST_CURSOR, HEADER, Flush, MemoryStepStream, Outgoing, Play, pack_body

RUN = "run"
PLAY = Play(7, 1000)
OTHER = Play(8, 1001)


class FarStream(MemoryStepStream):
    """Behaves as one that other processes read, and that can be away."""

    is_remote = True
    is_away = False
    n_flushes = 0

    def send(self, run_id: str, flush: Flush) -> list[Play]:
        if self.is_away:
            raise StreamUnavailableError("away")
        self.n_flushes += 1
        return super().send(run_id, flush)

    def sequences(self, play: Play = PLAY) -> list[int]:
        return [entry.sequence for entry in self.read_plays(RUN, [play])[0]]


class Sender:
    """An outbox, the clock it looks at, and the headers of the plays that are open."""

    def __init__(self, *, max_bytes: int = 1_000_000) -> None:
        self.now = 100.0
        self.stream = FarStream()
        self.open = {PLAY: Outgoing(PLAY, 1, HEADER, b"header"), OTHER: Outgoing(OTHER, 1, HEADER, b"header")}
        self.outbox = Outbox(self.stream, RUN, producer_id="a", max_bytes=max_bytes, clock=lambda: self.now)

    def put(self, sequence: int, *, play: Play = PLAY, n_bytes: int = 10) -> None:
        entry = self.open[play] if sequence == 1 else Outgoing(play, sequence, CHUNK, bytes(n_bytes))
        self.outbox.put(Packet(play, entry, n_steps=sequence != 1))

    def send(self) -> None:
        self.outbox.send({}, header_of=self.open.get)


def test_a_play_is_listed_as_open_by_the_transaction_that_brings_its_header() -> None:
    sender = Sender()
    sender.put(1)
    sender.send()
    assert [(it.play, it.last_active) for it in sender.stream.open_plays(RUN)] == [(PLAY, 100.0)]


def test_what_a_failed_send_held_is_kept_in_order_and_goes_out_with_the_next() -> None:
    sender = Sender()
    sender.stream.is_away = True
    for sequence in (1, 2, 3):
        sender.put(sequence)
        with pytest.raises(StreamUnavailableError):
            sender.send()
    assert (len(sender.outbox), sender.outbox.n_pending_steps) == (3, 2)
    sender.stream.is_away = False
    sender.send()
    assert sender.stream.sequences() == [1, 2, 3]
    assert (len(sender.outbox), sender.outbox.n_pending_bytes, sender.outbox.n_pending_steps) == (0, 0, 0)


def test_after_a_failure_what_was_acknowledged_a_moment_ago_is_sent_again_and_counts_neither_as_waiting_nor_as_lost() -> (
    None
):
    sender = Sender(max_bytes=100)
    for sequence in (1, 2, 3):
        sender.put(sequence, n_bytes=40)
    sender.send()
    sender.stream.drop_plays(RUN, [PLAY])
    sender.stream.is_away = True
    sender.put(4, n_bytes=40)
    with pytest.raises(StreamUnavailableError):
        sender.send()
    assert (len(sender.outbox), sender.outbox.n_pending_steps) == (4, 1)
    assert sender.outbox.has_room(60)
    assert not sender.outbox.has_room(61)
    sender.stream.is_away = False
    sender.send()
    assert sender.stream.sequences() == [1, 2, 3, 4]


def test_what_was_acknowledged_long_ago_is_forgotten() -> None:
    sender = Sender()
    for sequence in (1, 2):
        sender.put(sequence)
        sender.send()
        sender.now += 10
    sender.outbox.repeat_recent()
    assert len(sender.outbox) == 1, "the last packet alone: nothing was sent since"
    sender.send()
    sender.put(3)
    sender.send()
    sender.outbox.repeat_recent()
    assert len(sender.outbox) == 2


def test_what_is_kept_for_sending_again_is_bounded_even_within_one_send() -> None:
    sender = Sender(max_bytes=10**9)
    sender.put(1)
    for sequence in range(2, 60):
        sender.put(sequence, n_bytes=2**20)
    sender.send()
    assert sender.stream.n_flushes >= 58, "a transaction each MiB"
    sender.outbox.repeat_recent()
    assert 14 <= len(sender.outbox) <= 17


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
    assert sender.stream.sequences() == [1, 3, 4], "the header, what was sent a moment ago, and what was refused"
    assert sender.stream.sequences(OTHER) == [1]
    assert len(sender.outbox) == 0


def test_a_stream_that_is_gone_after_its_end_stays_gone() -> None:
    sender = Sender()
    sender.put(1)
    sender.send()
    sender.stream.drop_plays(RUN, [PLAY])
    del sender.open[PLAY]
    sender.outbox.put(Packet(PLAY, Outgoing(PLAY, 2, CHUNK, b"late")))
    sender.send()
    assert sender.stream.episodes_held(RUN) == []


def test_ends_find_room_when_chunks_do_not_but_not_for_ever() -> None:
    sender = Sender(max_bytes=100)
    sender.stream.is_away = True
    sender.put(1, n_bytes=0)
    sender.put(2, n_bytes=94)
    assert not sender.outbox.has_room(1)
    assert sender.outbox.has_room_for_end()
    sender.outbox.put(Packet(PLAY, finished=pack_body("x" * 200), closes=True))
    assert not sender.outbox.has_room_for_end()


def test_ends_and_entries_of_one_flush_go_out_together() -> None:
    sender = Sender()
    sender.put(1)
    sender.outbox.put(Packet(PLAY, finished=pack_body({"kind": "end"}), closes=True))
    sender.send()
    assert sender.stream.n_flushes == 1
    assert sender.stream.open_plays(RUN) == []
    assert [entry.body for entry in sender.stream.read_finished(RUN, after=FIRST_CURSOR, limit=9)] == [{"kind": "end"}]
