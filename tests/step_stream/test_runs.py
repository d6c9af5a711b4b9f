"""The contract of a run: its finished episodes, its trainers, its locks, and its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from recorder.step_stream import FIRST_CURSOR, Flush, MissedHeartbeats, StepStream
from tests.step_stream.entries import PLAY, RUN, finished, header, send_play
from tests.waiting import wait_until


def bodies(stream: StepStream, after: str = FIRST_CURSOR, limit: int = 100) -> list[object]:
    return [entry.body for entry in stream.read_finished(RUN, after=after, limit=limit)]


def test_ends_are_read_in_the_order_in_which_they_were_sent(stream: StepStream) -> None:
    stream.send(RUN, Flush(finished=[finished(n=1), finished(n=2)]))
    stream.send(RUN, Flush(finished=[finished(n=3)]))
    assert bodies(stream) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_cursor_reads_ends_page_by_page(stream: StepStream) -> None:
    stream.send(RUN, Flush(finished=[finished(n=n) for n in range(10)]))
    seen = []
    cursor = FIRST_CURSOR
    while page := stream.read_finished(RUN, after=cursor, limit=3):
        seen += [entry.body["n"] for entry in page]
        cursor = page[-1].entry_id
    assert seen == list(range(10))


def test_ends_are_trimmed_up_to_and_including_a_cursor(stream: StepStream) -> None:
    stream.send(RUN, Flush(finished=[finished(n=n) for n in range(5)]))
    cursor = stream.read_finished(RUN, after=FIRST_CURSOR, limit=3)[-1].entry_id
    stream.trim_finished(RUN, through=cursor)
    assert bodies(stream) == [{"n": 3}, {"n": 4}]
    stream.trim_finished(RUN, through=cursor)
    stream.trim_finished(RUN, through=stream.read_finished(RUN, after=cursor, limit=9)[-1].entry_id)
    assert bodies(stream) == []
    stream.send(RUN, Flush(finished=[finished(n=5)]))
    assert bodies(stream, after=cursor) == [{"n": 5}]


def test_a_wait_for_an_end_is_over_at_once_where_there_is_one(stream: StepStream) -> None:
    stream.beat(RUN, "p1", {}, info=None, now=1.0)
    assert not stream.wait_for_end(secs=0.01)
    stream.send(RUN, Flush(finished=[finished(n=1)]))
    assert stream.wait_for_end(secs=1e9), "it waits no longer than the connection allows, and returns what it found"
    stream.trim_finished(RUN, through=stream.read_finished(RUN, after=FIRST_CURSOR, limit=1)[0].entry_id)
    assert not stream.wait_for_end(secs=0.01)


def test_an_end_that_arrives_ends_the_wait(stream: StepStream) -> None:
    stream.beat(RUN, "p1", {}, info=None, now=1.0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: wait_until(lambda: stream.wait_for_end(secs=1e9)))
        stream.send(RUN, Flush(finished=[finished(n=1)]))
        assert waiting.result()


def test_nothing_is_waited_for_without_runs(stream: StepStream) -> None:
    assert not stream.wait_for_end(secs=0.01)


def test_an_end_that_is_not_a_map_is_empty_and_hides_no_other(stream: StepStream) -> None:
    stream.send(RUN, Flush(finished=[b"\xc1", b"\x01", b"", finished(n=1)]))
    assert bodies(stream) == [{}, {}, {}, {"n": 1}]


def test_a_heartbeat_describes_its_trainer_and_the_latest_run_comes_first(stream: StepStream) -> None:
    stream.beat("old", "p1", {"n_steps": 1}, info={"config": {"lr": 0.5}}, now=10.0)
    stream.beat("new", "p1", {"n_steps": 2}, info=None, now=20.0)
    stream.beat("old", "p2", {"n_steps": 3, "closed": True}, info=None, now=11.5)
    assert stream.runs() == [("new", 20.0), ("old", 11.5)]
    old = stream.run_info("old")
    assert (old.run_id, old.last_heartbeat, old.info) == ("old", 11.5, {"config": {"lr": 0.5}})
    assert old.producers == {
        "p1": {"n_steps": 1, "heartbeat": 10.0},
        "p2": {"n_steps": 3, "closed": True, "heartbeat": 11.5},
    }


def test_the_latest_heartbeat_of_a_trainer_replaces_the_one_before(stream: StepStream) -> None:
    stream.beat(RUN, "p1", {"n": 1, "gone": 1}, info={"a": 1, "b": [1, None]}, now=1.0)
    stream.beat(RUN, "p1", {"n": 2}, info={"a": 2}, now=2.0)
    assert stream.run_info(RUN).producers == {"p1": {"n": 2, "heartbeat": 2.0}}
    assert stream.run_info(RUN).info == {"a": 2, "b": [1, None]}


def test_notes_on_silent_trainers_are_listed_with_their_heartbeats(stream: StepStream) -> None:
    stream.beat(RUN, "p1", {}, info=None, now=1.5)
    stream.note_missed_heartbeats(RUN, {"p1": MissedHeartbeats(0.5, 1), "p2": MissedHeartbeats(0.0, 2)})
    info = stream.run_info(RUN)
    assert info.missed_heartbeats == {"p1": MissedHeartbeats(0.5, 1), "p2": MissedHeartbeats(0.0, 2)}
    assert info.checked_secs_ago is not None
    assert 0.0 <= info.checked_secs_ago < 3600.0
    stream.note_missed_heartbeats(RUN, {"p1": MissedHeartbeats(1.5, 0)})
    assert stream.run_info(RUN).missed_heartbeats == {"p1": MissedHeartbeats(1.5, 0)}
    assert stream.run_info("other").missed_heartbeats == {}
    assert stream.run_info("other").checked_secs_ago is None
    stream.forget_run(RUN)
    assert stream.run_info(RUN).missed_heartbeats == {}


def test_an_unknown_run_has_no_heartbeats(stream: StepStream) -> None:
    info = stream.run_info("never seen")
    assert (info.last_heartbeat, info.info, info.producers) == (0.0, {}, {})
    assert stream.runs() == []


def test_a_run_without_a_heartbeat_is_not_listed(stream: StepStream) -> None:
    send_play(stream)
    assert stream.runs() == []


def test_forgetting_a_run_keeps_its_episode_streams(stream: StepStream) -> None:
    stream.beat(RUN, "p1", {}, info=None, now=1.0)
    stream.beat("other", "p1", {}, info=None, now=1.0)
    entries = send_play(stream)
    stream.send(RUN, Flush([header()], [finished(n=1)], active={PLAY: 1.0}))
    stream.forget_run(RUN)
    assert [run_id for run_id, _ in stream.runs()] == ["other"]
    assert stream.run_info(RUN).producers == {}
    assert stream.open_plays(RUN) == []
    assert bodies(stream) == []
    assert stream.read_plays(RUN, [PLAY]) == [entries]


def test_a_lock_is_exclusive_and_expires(stream: StepStream) -> None:
    assert stream.try_lock("tick", secs=60)
    assert not stream.try_lock("tick", secs=60)
    assert stream.try_lock("another", secs=0.02)
    wait_until(lambda: stream.try_lock("another", secs=60), message="the end of the lock")
    assert not stream.try_lock("another", secs=60)


def test_memory_in_use_grows_with_what_is_sent_and_shrinks_with_what_is_dropped(stream: StepStream) -> None:
    before = stream.server_memory()
    stream.send(RUN, Flush([header(data=bytes(4_000_000))]))
    full = stream.server_memory()
    assert full.used_bytes - before.used_bytes >= 3_900_000
    stream.drop_plays(RUN, [PLAY])
    wait_until(lambda: stream.server_memory().used_bytes < full.used_bytes - 3_000_000, message="the memory given back")
    assert full.server_id == before.server_id != ""
