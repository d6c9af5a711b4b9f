"""What the clock says of a viewer's connection."""

from __future__ import annotations

from replay_server.limits import Limits
from replay_server.socket.liveness import Liveness, Verdict

LIMITS = Limits(stalled_secs=30.0, ping_secs=20.0, idle_secs=3600.0)


def verdict(
    liveness: Liveness, now: float, *, is_congested: bool = False, is_read: bool = True, is_busy: bool = False
) -> Verdict:
    return liveness.verdict(now, is_congested=is_congested, is_read=is_read, is_busy=is_busy)


def test_a_quiet_peer_is_pinged_then_given_up_unless_its_answers_are_not_read() -> None:
    liveness = Liveness(LIMITS, 0.0)
    assert [verdict(liveness, now) for now in (10.0, 10.1, 41.0, 41.1)] == [
        Verdict.FINE, Verdict.PING, Verdict.PING, Verdict.SILENT,
    ]  # fmt: skip
    assert verdict(liveness, 41.1, is_read=False) is Verdict.PING
    liveness.excuse(41.1)
    assert verdict(liveness, 41.2) is Verdict.FINE
    liveness.received(60.0)
    assert verdict(liveness, 61.0) is Verdict.FINE


def test_a_slow_reader_has_time_as_long_as_it_reads_something() -> None:
    liveness = Liveness(LIMITS, 0.0)
    liveness.begin_waiting(0.0, 1000)
    liveness.took(29.0, 999)
    assert verdict(liveness, 59.0, is_congested=True) is not Verdict.STALLED
    liveness.took(59.0, 999)
    assert verdict(liveness, 59.1, is_congested=True) is Verdict.STALLED


def test_an_idle_peer_is_closed_unless_something_plays() -> None:
    liveness = Liveness(LIMITS, 0.0)
    liveness.spoke(10.0)
    liveness.received(3610.5)
    assert verdict(liveness, 3610.5) is Verdict.IDLE
    assert verdict(liveness, 3610.5, is_busy=True) is Verdict.FINE
