"""The contract of a sender's counts on the server: they come with its flushes, and tell of those that are missing."""

from __future__ import annotations

import redis

from recorder.step_stream import Flush, MemoryStepStream, RedisStepStream, StepStream, Tally
from tests.step_stream.entries import PLAY, RUN, chunk, header

SENDER = "p1"


def flush(number: int, n_sent: int) -> Flush:
    return Flush([chunk(sequence=number + 1)], tally=Tally(SENDER, n_sent, n_sent - 1, number))


def test_a_sender_that_has_sent_nothing_has_a_tally_of_zeros(stream: StepStream) -> None:
    assert stream.tally(RUN, SENDER) == Tally(SENDER, 0, 0)


def test_the_tally_is_that_of_the_last_flush_and_tells_of_the_one_before(stream: StepStream) -> None:
    stream.send(RUN, Flush([header()]))
    for number, n_sent in ((1, 10), (2, 30), (3, 35)):
        sent = flush(number, n_sent)
        stream.send(RUN, sent)
    assert sent.tally == Tally(SENDER, 35, 34, 3, n_before=30, flush_before=2)
    assert stream.tally(RUN, SENDER) == Tally(SENDER, 35, 34, 3, n_before=30, flush_before=2)
    assert stream.look_after(RUN, SENDER, [PLAY]) == (35, [True])
    assert stream.tally(RUN, "another") == Tally("another", 0, 0)


def test_a_flush_that_reaches_an_emptied_server_finds_none_before_it(stream: StepStream) -> None:
    stream.send(RUN, flush(1, 10))
    stream.send(RUN, flush(2, 20))
    empty(stream)
    stream.send(RUN, flush(3, 30))
    assert stream.tally(RUN, SENDER) == Tally(SENDER, 30, 29, 3)


def test_two_numbers_are_of_a_sender_that_did_not_number_its_flushes(
    redis_stream: RedisStepStream, redis_client: redis.Redis
) -> None:
    redis_client.hset(redis_stream.key("tally", RUN), SENDER, "50 40")
    assert redis_stream.tally(RUN, SENDER) == Tally(SENDER, 50, 40)
    assert redis_stream.look_after(RUN, SENDER, []) == (50, [])


def test_what_another_program_has_written_there_says_nothing(
    redis_stream: RedisStepStream, redis_client: redis.Redis
) -> None:
    redis_client.hset(redis_stream.key("tally", RUN), SENDER, "50 forty 3")
    assert redis_stream.tally(RUN, SENDER) is None
    assert redis_stream.look_after(RUN, SENDER, []) == (None, [])
    sent = flush(4, 60)
    redis_stream.send(RUN, sent)
    assert sent.tally is not None
    assert sent.tally.n_before == 60, "nothing that one could conclude a loss from"


def empty(stream: StepStream) -> None:
    """What somebody does to a server."""
    if isinstance(stream, RedisStepStream):
        stream._redis.flushall()
    elif isinstance(stream, MemoryStepStream):
        stream._runs.clear()
