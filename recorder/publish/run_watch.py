"""What becomes of a run beyond its trainer: whether there was one of its name before, and what workers refuse."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from recorder.errors import UsageError
from recorder.publish.identity import RunIdentity
from recorder.publish.stats import RecorderStats
from recorder.step_stream import KnownRun, RunInfo, StepStream, has_closed, heartbeat_of

__all__ = ["ADVICE", "NOTHING_REFUSED", "RefusedSoFar", "RunWatch"]

_LIVES_SECS = 60.0
"""Another trainer that spoke within this time shares the run; one that did not has left it behind."""

ADVICE = (
    "an episode that repeats an id of the run is refused. To go on from a checkpoint pass resume=True, and later plays replace "
    "earlier ones; for a new training pass another run_id, none at all, or unique_run_id=True, which adds the time to it"
)
"""For a trainer whose run is not new."""


class RefusedSoFar(NamedTuple):
    """What workers have refused."""

    n_episodes: int
    n_steps: int
    n_known_episodes: int
    """As the server said last, which may have lost its counts before."""
    n_known_steps: int


NOTHING_REFUSED = RefusedSoFar(0, 0, 0, 0)


class RunWatch:
    """Asks the server, and says what its trainer has to know.

    Args:
        stream: of the run.
        identity: the run and this producer.
        stats: counts what is refused.
        refused: as a predecessor has left it.
        on_news: called with what was refused, or will be.
        on_log: given the level and the text of what is to be said once.
    """

    def __init__(
        self,
        stream: StepStream,
        identity: RunIdentity,
        stats: RecorderStats,
        *,
        refused: RefusedSoFar = NOTHING_REFUSED,
        on_news: Callable[[Exception], None],
        on_log: Callable[[int, str], None],
    ) -> None:
        self._stream = stream
        self._identity = identity
        self._stats = stats
        self._on_news = on_news
        self._on_log = on_log
        self.refused_so_far = refused
        self._is_said = False

    def look_back(self) -> None:
        """Whether the run was there before this trainer; to be called before its first heartbeat.

        Raises:
            StreamError: the server does not answer.
        """
        run_id = self._identity.run_id
        before = _before(self._stream.known_run(run_id)) or _left(self._stream.run_info(run_id), now=time.time())
        if before:
            self._say(before)

    def _say(self, before: str) -> None:
        self._is_said = True
        if self._identity.resumed:
            self._on_log(logging.INFO, f"the run goes on (resume=True): {before}")
            return
        self._on_log(logging.WARNING, f"the run is not new: {before}; {ADVICE}")

    def look(self) -> int:
        """What workers have refused of this trainer since the last look: counted and reported; gives the number of steps.

        Raises:
            StreamError: the server does not answer.
        """
        if not self._is_said and not self._stats.n_episodes_finished:
            # Without a server, the writer that knows the catalog begins later.
            before = _before(self._stream.known_run(self._identity.run_id))
            if before:
                self._say(before)
        so_far, now = self.refused_so_far, self._stream.refused(self._identity.run_id, self._identity.producer_id)
        known = so_far if now.n_episodes >= so_far.n_known_episodes else NOTHING_REFUSED  # it has lost its counts
        n_episodes, n_steps = now.n_episodes - known.n_known_episodes, now.n_steps - known.n_known_steps
        self.refused_so_far = RefusedSoFar(
            so_far.n_episodes + n_episodes, so_far.n_steps + n_steps, now.n_episodes, now.n_steps
        )
        if n_episodes <= 0:
            return 0
        self._stats.n_refused_episodes += n_episodes
        self._stats.n_refused_steps += n_steps
        self._stats.n_recorded_steps -= n_steps
        self._on_news(
            UsageError(
                f"workers refused {now.n_episodes} episodes of this recorder so far, {now.n_steps} steps; the last one: {now.why}"
            )
        )
        return n_steps


def _before(known: KnownRun | None) -> str:
    """What the catalog had of the run; empty when that is nothing."""
    if known is None or not known.n_episodes:
        return ""
    state = "has ended" if known.has_ended else "went on after its end"
    return f"it {state}; number of its episodes: {known.n_episodes}, last id: {known.last_episode_id}"


def _left(info: RunInfo, *, now: float) -> str:
    """What earlier trainers left on the server; empty when there were none, or when they are at work and share the run."""
    gone = [name for name in info.producers if has_closed(info, name) or heartbeat_of(info, name) < now - _LIVES_SECS]
    if len(gone) < len(info.producers):
        return ""
    n_episodes = sum(int(info.producers[name].get("n_episodes_started", 0)) for name in gone)
    return f"episodes that an earlier trainer began in it: {n_episodes}" if n_episodes else ""
