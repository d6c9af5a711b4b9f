"""The contract of an episode's stream: what is sent is read, once, in order, and dropped exactly."""

from __future__ import annotations

import pytest

from recorder.step_stream import FIRST_CURSOR, Flush, OpenPlay, Play, StepStream, StreamEntry
from tests.step_stream.entries import LATER_PLAY, PLAY, RUN, chunk, end, finished, header, send_play

HARD_RUN_IDS = [
    "{}",
    "a{b}c",
    "}{",
    "läuft ☃ 日本",
    "a b\tc\n",
    "50%7B",
    "%",
    "../x",
    "a:b",
    "*?[ab]\\^-",
    "x" * 500,
]


def test_entries_are_read_in_the_order_they_were_sent(stream: StepStream) -> None:
    entries = send_play(stream, n_chunks=3)
    assert stream.read_plays(RUN, [PLAY]) == [entries]
    assert stream.read_episode(RUN, PLAY.episode_id) == entries


def test_bytes_of_any_kind_survive(stream: StepStream) -> None:
    data = bytes(range(256)) * 40 + b"\r\n$-1\r\n"
    stream.send(RUN, Flush([header(data=b""), chunk(data=data)]))
    assert [entry.data for entry in stream.read_plays(RUN, [PLAY])[0]] == [b"", data]


def test_an_entry_sent_twice_is_stored_once(stream: StepStream) -> None:
    entries = send_play(stream, n_chunks=2)
    assert send_play(stream, n_chunks=2) == entries
    stream.send(RUN, Flush([chunk(data=b"other bytes under a known place")]))
    assert stream.read_plays(RUN, [PLAY]) == [entries]


def test_a_repeated_flush_adds_only_the_missing_entries(stream: StepStream) -> None:
    stream.send(RUN, Flush([header(), chunk()]))
    assert stream.send(RUN, Flush([header(), chunk(), chunk(sequence=3)])) == []
    assert [entry.sequence for entry in stream.read_plays(RUN, [PLAY])[0]] == [1, 2, 3]


def test_only_a_header_begins_a_stream(stream: StepStream) -> None:
    other = Play(8, 1001)
    gone = stream.send(RUN, Flush([chunk(), end(), header(other), chunk(other)]))
    assert gone == [PLAY]
    assert stream.read_plays(RUN, [PLAY, other])[0] == []
    assert stream.episodes_held(RUN) == [8]


def test_a_late_chunk_does_not_revive_a_dropped_stream(stream: StepStream) -> None:
    send_play(stream)
    stream.drop_plays(RUN, [PLAY])
    assert stream.send(RUN, Flush([chunk(sequence=9)])) == [PLAY]
    assert stream.episodes_held(RUN) == []


def test_two_plays_of_an_episode_share_its_stream_and_are_read_apart(stream: StepStream) -> None:
    first = send_play(stream)
    later = send_play(stream, LATER_PLAY, n_chunks=2)
    assert stream.read_plays(RUN, [LATER_PLAY, PLAY]) == [later, first]
    assert stream.read_episode(RUN, PLAY.episode_id) == first + later


@pytest.mark.parametrize("dropped", [PLAY, LATER_PLAY])
def test_exactly_one_of_two_plays_is_dropped(stream: StepStream, dropped: Play) -> None:
    first = send_play(stream, n_chunks=100)
    later = send_play(stream, LATER_PLAY, n_chunks=100)
    stream.drop_plays(RUN, [dropped])
    left = [] if dropped == PLAY else first, [] if dropped == LATER_PLAY else later
    assert stream.read_plays(RUN, [PLAY, LATER_PLAY]) == list(left)
    assert stream.episodes_held(RUN) == [PLAY.episode_id]


def test_a_dropped_play_takes_no_entries_while_another_play_keeps_the_stream(stream: StepStream) -> None:
    send_play(stream)
    send_play(stream, LATER_PLAY)
    stream.drop_plays(RUN, [LATER_PLAY])
    stream.send(RUN, Flush([header(LATER_PLAY), chunk(LATER_PLAY)]))
    assert stream.read_plays(RUN, [LATER_PLAY]) == [[]]


def test_dropping_all_plays_leaves_nothing_and_dropping_again_changes_nothing(stream: StepStream) -> None:
    send_play(stream)
    send_play(stream, LATER_PLAY)
    for _ in range(2):
        stream.drop_plays(RUN, [PLAY, LATER_PLAY])
        stream.drop_plays(RUN, [])
        assert stream.episodes_held(RUN) == []
        assert stream.read_plays(RUN, [PLAY]) == [[]]


def test_dropping_many_plays_keeps_the_plays_that_share_their_streams(stream: StepStream) -> None:
    episodes = range(600)
    flush = Flush()
    for episode_id in episodes:
        flush.entries.append(header(Play(episode_id, 20)))
        if episode_id % 50 == 0:
            flush.entries.insert(0, header(Play(episode_id, 10)))
        if episode_id % 70 == 0:
            flush.entries.append(header(Play(episode_id, 30)))
    stream.send(RUN, flush)
    stream.drop_plays(RUN, [Play(episode_id, 20) for episode_id in episodes])
    assert set(stream.episodes_held(RUN)) == {n for n in episodes if n % 50 == 0 or n % 70 == 0}
    left = [[entry.play_id for entry in stream.read_episode(RUN, n)] for n in (0, 50, 70)]
    assert left == [[10, 30], [10], [30]]


def test_the_beginning_of_a_play_is_forgotten_and_what_comes_later_stays(stream: StepStream) -> None:
    send_play(stream)
    send_play(stream, LATER_PLAY)
    sequences = [entry.sequence for entry in stream.read_plays(RUN, [PLAY])[0]]
    stream.send(RUN, Flush(active={PLAY: 1.0}))
    stream.trim_play(RUN, PLAY, through=sequences[1])
    left, later = stream.read_plays(RUN, [PLAY, LATER_PLAY])
    assert ([entry.sequence for entry in left], len(later)) == (sequences[2:], len(sequences))
    assert [it.play for it in stream.open_plays(RUN)] == [PLAY]
    for play in (PLAY, LATER_PLAY):
        stream.trim_play(RUN, play, through=sequences[-1])
    assert stream.episodes_held(RUN) == []


def test_an_open_play_is_listed_from_its_first_step_to_its_end(stream: StepStream) -> None:
    other = Play(-0, 5)
    stream.send(RUN, Flush([header()], active={PLAY: 100.5, other: 7.0}))
    stream.send(RUN, Flush(active={PLAY: 101.5}))
    assert sorted(stream.open_plays(RUN), key=lambda it: it.play.play_id) == [
        OpenPlay(other, 7.0),
        OpenPlay(PLAY, 101.5),
    ]
    stream.send(RUN, Flush([end()], [finished(kind="end")], closed=[PLAY]))
    assert stream.open_plays(RUN) == [OpenPlay(other, 7.0)]
    stream.drop_plays(RUN, [other])
    assert stream.open_plays(RUN) == []


def test_a_play_closed_in_the_same_flush_is_closed(stream: StepStream) -> None:
    stream.send(RUN, Flush(active={PLAY: 1.0}, closed=[PLAY]))
    assert stream.open_plays(RUN) == []


def test_an_abort_drops_the_play_at_once(stream: StepStream) -> None:
    send_play(stream)
    stream.send(RUN, Flush(finished=[finished(kind="abort")], active={PLAY: 1.0}, dropped=[PLAY]))
    assert stream.read_plays(RUN, [PLAY]) == [[]]
    assert stream.open_plays(RUN) == []
    assert [entry.body for entry in stream.read_finished(RUN, after=FIRST_CURSOR, limit=9)] == [{"kind": "abort"}]


def test_a_cursor_continues_after_the_last_entry_read(stream: StepStream) -> None:
    entries = send_play(stream, n_chunks=30) + send_play(stream, LATER_PLAY, n_chunks=3)
    read: list[StreamEntry] = []
    cursor = FIRST_CURSOR
    while page := stream.read_episode(RUN, PLAY.episode_id, after=cursor, limit=7):
        assert len(page) <= 7
        read += page
        cursor = page[-1].entry_id
    assert read == entries
    stream.send(RUN, Flush([chunk(LATER_PLAY, 99)]))
    assert [entry.sequence for entry in stream.read_episode(RUN, PLAY.episode_id, after=cursor)] == [99]


def test_a_stream_of_many_pages_is_read_completely(stream: StepStream) -> None:
    many = send_play(stream, n_chunks=200)
    one_page = send_play(stream, Play(8, 1001), n_chunks=62)
    assert len(one_page) == 64
    assert stream.read_plays(RUN, [PLAY, Play(8, 1001), Play(9, 1)]) == [many, one_page, []]


def test_a_missing_stream_is_empty_not_an_error(stream: StepStream) -> None:
    assert stream.read_plays(RUN, [PLAY]) == [[]]
    assert stream.read_plays(RUN, []) == []
    assert stream.read_episode(RUN, 7) == []
    assert stream.open_plays(RUN) == []
    assert stream.episodes_held(RUN) == []
    assert stream.read_finished(RUN, after=FIRST_CURSOR, limit=10) == []
    stream.trim_finished(RUN, through="5-0")
    stream.forget_run(RUN)
    assert stream.send(RUN, Flush()) == []


def test_63_bit_numbers_are_distinct(stream: StepStream) -> None:
    plays = [Play(2**63 - 1, 2**63 - 1), Play(2**63 - 2, 2**63 - 1)]
    sent = [send_play(stream, play) for play in plays]
    assert stream.read_plays(RUN, plays) == sent
    assert sorted(stream.episodes_held(RUN)) == [2**63 - 2, 2**63 - 1]


@pytest.mark.parametrize("run_id", HARD_RUN_IDS)
def test_a_run_id_can_be_any_text(stream: StepStream, run_id: str) -> None:
    stream.beat(run_id, "p1", {}, info={"config": 1}, now=5.0)
    entries = send_play(stream, run_id=run_id)
    stream.send(run_id, Flush(finished=[finished(kind="end")], active={PLAY: 1.0}))
    assert stream.runs() == [(run_id, 5.0)]
    assert stream.run_info(run_id).info == {"config": 1}
    assert stream.episodes_held(run_id) == [PLAY.episode_id]
    assert stream.read_plays(run_id, [PLAY]) == [entries]
    assert len(stream.read_finished(run_id, after=FIRST_CURSOR, limit=5)) == 1


def test_no_run_sees_the_episodes_of_another(stream: StepStream) -> None:
    for number, run_id in enumerate(HARD_RUN_IDS):
        send_play(stream, Play(number, 1), run_id=run_id)
    for number, run_id in enumerate(HARD_RUN_IDS):
        assert stream.episodes_held(run_id) == [number], run_id


def test_open_plays_are_listed_most_recently_active_first_up_to_a_limit(stream: StepStream) -> None:
    plays = {Play(episode_id, 100 + episode_id): float(at) for episode_id, at in ((1, 5), (2, 9), (3, 7))}
    stream.send(RUN, Flush(active=plays))
    assert [it.play.episode_id for it in stream.open_plays(RUN, limit=2)] == [2, 3]
    assert [it.play.episode_id for it in stream.open_plays(RUN, limit=10)] == [2, 3, 1]
    assert stream.open_plays(RUN, limit=0) == []
    assert stream.is_open(RUN, Play(1, 101))
    stream.send(RUN, Flush(closed=[Play(1, 101)]))
    assert not stream.is_open(RUN, Play(1, 101))
    assert not stream.is_open(RUN, Play(2, 999))
    assert not stream.is_open("nobody", Play(2, 102))
