"""The scheduler, the rate limit and the cache, with a test clock."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from replay_server.episodes.cache import ByteLru
from replay_server.limits import RateLimiter
from replay_server.socket.scheduler import Job, Scheduler


class Loop:
    """An event loop whose time a test advances."""

    def __init__(self) -> None:
        self.now = 0.0
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, secs: float, function: Callable[[], None]) -> None:
        self._timers.append((self.now + secs, function))

    def run_until(self, end: float) -> None:
        while due := [timer for timer in self._timers if timer[0] <= end]:
            timer = min(due, key=lambda timer: timer[0])
            self._timers.remove(timer)
            self.now = max(self.now, timer[0])
            timer[1]()
        self.now = end


def paced(loop: Loop, every_secs: float, at: list[float]) -> Job:
    def run() -> float:
        at.append(loop.now)
        return every_secs

    return Job(run)


def test_each_playback_keeps_its_pace() -> None:
    loop = Loop()
    scheduler = Scheduler(lambda: loop.now, loop.call_later)
    slow: list[float] = []
    fast: list[float] = []
    scheduler.start(paced(loop, 0.2, slow), after_secs=0.2)
    scheduler.start(paced(loop, 1 / 30, fast), after_secs=1 / 30)
    loop.run_until(10.0)
    assert len(slow) in (49, 50)
    assert len(fast) in (299, 300)


def test_a_stopped_job_runs_no_more_and_a_restarted_one_only_once() -> None:
    loop = Loop()
    scheduler = Scheduler(lambda: loop.now, loop.call_later)
    at: list[float] = []
    job = paced(loop, 1.0, at)
    scheduler.start(job, after_secs=1.0)
    scheduler.start(job, after_secs=2.0)
    loop.run_until(2.5)
    assert at == [2.0]
    scheduler.stop(job)
    loop.run_until(9.0)
    assert at == [2.0]
    assert len(scheduler) == 0


def test_playback_does_not_catch_up_after_a_long_stop() -> None:
    loop = Loop()
    scheduler = Scheduler(lambda: loop.now, loop.call_later)
    at: list[float] = []
    scheduler.start(paced(loop, 0.1, at), after_secs=0.1)
    loop.run_until(1.0)
    n_before = len(at)
    loop.now = 100.0
    loop.run_until(100.05)
    assert len(at) - n_before <= 7


def test_the_rate_limit_allows_a_burst_and_then_the_rate() -> None:
    limiter = RateLimiter(8.0, 5, now=0.0)
    assert [limiter.allow(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert sum(limiter.allow(tick / 64) for tick in range(1, 641)) == 80


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_the_cache_never_exceeds_its_limit(puts: list[tuple[int, int]]) -> None:
    cache: ByteLru[int, int] = ByteLru(100)
    sizes: dict[int, int] = {}
    for key, n_bytes in puts:
        cache.put(key, n_bytes, n_bytes)
        sizes[key] = n_bytes
        held = {key: value for key in sizes if (value := cache.get(key)) is not None}
        assert cache.n_bytes == sum(held.values()) <= 100
        assert len(cache) == len(held)
        assert cache.get(key) == n_bytes


def test_the_cache_keeps_the_most_recently_used_entries() -> None:
    cache: ByteLru[str, str] = ByteLru(30)
    for key in "abc":
        cache.put(key, key, 10)
    cache.get("a")
    cache.put("d", "d", 10)
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    cache.put("huge", "huge", 31)
    assert cache.get("huge") is None
    cache.drop("a")
    assert (cache.get("a"), cache.n_bytes) == (None, 20)


def test_threads_share_the_cache() -> None:
    cache: ByteLru[int, int] = ByteLru(1000)

    def work(start: int) -> None:
        for key in range(start, start + 2000):
            cache.put(key % 150, key, 10)
            cache.get((key * 7) % 150)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.n_bytes == 10 * len(cache) <= 1000
